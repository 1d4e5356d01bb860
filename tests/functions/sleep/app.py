"""Sleeps for event["seconds"]."""

import time


def handler(event, context):
    before = context.get_remaining_time_in_millis()
    time.sleep(event["seconds"])
    return {"before_ms": before, "after_ms": context.get_remaining_time_in_millis()}

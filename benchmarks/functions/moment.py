"""Logs the moment at which its handler starts, on the clock that all processes share."""

import time


def handler(event, context):
    print("started", event["n"], time.clock_gettime_ns(time.CLOCK_MONOTONIC))

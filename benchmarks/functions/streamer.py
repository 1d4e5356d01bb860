"""Streams, as the event says: `stamped` pieces that tell when they were written, on the clock that
all processes share, or `count` pieces of `size` bytes."""

import json
import time


def handler(event, context):
    """Called by Lambda, or by a function URL with the wishes as its body."""
    if "rawPath" in event:
        event = json.loads(event["body"])
    for _ in range(event.get("stamped", 0)):
        yield b"@%d\n" % time.clock_gettime_ns(time.CLOCK_MONOTONIC)
        time.sleep(event["pause"])
    piece = bytes(event.get("size", 0))
    for _ in range(event.get("count", 0)):
        yield piece

"""Prints event["lines"] lines, one message of several lines, to both streams and the logger."""

import logging
import sys

logging.getLogger().setLevel(logging.INFO)


def handler(event, context):
    for number in range(event.get("lines", 1)):
        print(f"line {number} {'x' * event.get('width', 0)}")
    if event.get("multi_line"):
        print("first\nsecond\nthird")
    if "text" in event:
        print(event["text"])
    print("on stderr", file=sys.stderr)
    logging.info("logged %s", event.get("lines", 1))
    print("without an end", end="")

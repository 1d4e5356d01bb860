"""Streams what the event asks for.

{"prelude": {…}, "pieces": ["a", "b"], "size": 65536, "times": 10, "wait_for_tag": true,
 "then": "raise" | "exit" | "sleep" | "nonsense"}
"""

import os
import time

import boto3


def handler(event, context):
    """A function URL's event has its wishes as its body."""
    if "body" in event or "rawPath" in event:
        import json

        event = json.loads(event.get("body") or "{}")
    return pieces(event, context)


def pieces(event, context):
    """The response."""
    print("streaming")
    if event.get("fail_first"):
        raise ValueError("before the first byte")
    if "prelude" in event:
        yield event["prelude"]
    for each in event.get("pieces", ()):
        yield each
        if "wait_for_tag" in event:
            wait_for_tag(context, each)
    piece = bytes(event.get("size", 0))
    for _ in range(event.get("times", 0)):
        yield piece
    yield from FATES[event.get("then", "end")]()


def wait_for_tag(context, name):
    """Go on when somebody has given the function a tag of this name."""
    client = boto3.client("lambda")
    arn = ":".join(context.invoked_function_arn.split(":")[:7])
    while name not in client.list_tags(Resource=arn)["Tags"]:
        time.sleep(0.02)


def _end():
    yield ""


def _raise():
    raise ValueError("in the middle")
    yield


def _exit():
    os._exit(7)
    yield


def _sleep():
    time.sleep(60)
    yield ""


def _nonsense():
    yield 42


FATES = {"end": _end, "raise": _raise, "exit": _exit, "sleep": _sleep, "nonsense": _nonsense}

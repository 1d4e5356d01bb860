"""Ends the process without a word, with event["status"] or by event["signal"]."""

import os
import signal


def handler(event, context):
    print("about to crash", flush=True)
    if "signal" in event:
        os.kill(os.getpid(), getattr(signal, event["signal"]))
        signal.pause()
    os._exit(event.get("status", 1))

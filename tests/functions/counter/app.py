"""Counts its invocations: proof of a warm start, and of which environment answered."""

import os
import uuid

ENVIRONMENT = str(uuid.uuid4())
count = 0


def handler(event, context):
    global count
    count += 1
    return {"count": count, "environment": ENVIRONMENT, "pid": os.getpid()}

"""Does nothing for event["seconds"], as functions do that wait for somebody else."""

import time


def handler(event, context):
    """Called by Lambda."""
    time.sleep(event["seconds"])

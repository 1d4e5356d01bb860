"""Makes a client of boto3 in the handler, as many functions do on their first event."""

import boto3

count = 0
client = None


def handler(event, context):
    """Called by Lambda."""
    global client, count
    client = client or boto3.client("s3")
    count += 1
    return {"count": count}

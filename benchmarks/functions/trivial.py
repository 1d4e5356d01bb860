"""The least that a function can do. The count tells a cold invocation, 1, from a warm one."""

count = 0


def handler(event, context):
    """Called by Lambda."""
    global count
    count += 1
    return {"count": count}

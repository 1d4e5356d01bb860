"""Raises the built-in exception event["type"] with event["message"], or a chain of two."""

import builtins


class CustomError(Exception):
    """An exception of the function's own."""


def handler(event, context):
    kind = getattr(builtins, event["type"], CustomError)
    if not event.get("chained"):
        raise kind(event.get("message", ""))
    try:
        raise LookupError("the cause")
    except LookupError as cause:
        raise kind(event.get("message", "")) from cause

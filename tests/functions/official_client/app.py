"""Run by AWS's own runtime interface client: says what that client told it."""

import logging
import os
import sys

count = 0


def handler(event, context):
    """Echo, tell, print or fail, as the event asks."""
    global count
    count += 1
    action = event.get("action") if isinstance(event, dict) else None
    return ACTIONS[action](event, context) if action else event


def describe(event, context):
    """Everything of the context, and who runs us."""
    client = context.client_context
    return {
        "aws_request_id": context.aws_request_id,
        "invoked_function_arn": context.invoked_function_arn,
        "function_name": context.function_name,
        "function_version": context.function_version,
        "log_group_name": context.log_group_name,
        "log_stream_name": context.log_stream_name,
        "memory_limit_in_mb": context.memory_limit_in_mb,
        "remaining_time_in_millis": context.get_remaining_time_in_millis(),
        "cognito_identity_id": context.identity.cognito_identity_id,
        "client_context": client and client.custom,
        "trace_id": os.environ.get("_X_AMZN_TRACE_ID"),
        "client": sys.modules["awslambdaric"].__file__,
        "native": sys.modules["runtime_client"].__file__,
        "runtime": [name for name in sys.modules if name.startswith("lambdad")],
        "task": os.environ["LAMBDA_TASK_ROOT"],
    }


def count_up(event, context):
    """How often this process has been asked, and which it is."""
    with open("/proc/self/stat") as file:
        started = file.read().split()[21]
    return {"count": count, "process": f"{os.getpid()} {started}"}


def say(event, context):
    """Print, write an error, and log."""
    print(event["text"])
    print(event["text"] + " (error)", file=sys.stderr)
    logging.getLogger().warning(event["text"] + " (logged)")


def fail(event, context):
    """Raise an exception of our own, with a message of any size."""
    raise CustomError(event.get("message", "") * event.get("times", 1))


def fill(event, context):
    """A response of so many bytes, quotes included."""
    return "x" * (event["size"] - 2)


class CustomError(Exception):
    """One that only this function has."""


ACTIONS = {"describe": describe, "count": count_up, "say": say, "fail": fail, "fill": fill}

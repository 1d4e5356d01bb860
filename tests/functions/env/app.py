"""Returns the environment variables, those of now and those of the Init phase."""

import os

AT_INIT = dict(os.environ)


def handler(event, context):
    return {"now": dict(os.environ), "at_init": AT_INIT, "cwd": os.getcwd()}

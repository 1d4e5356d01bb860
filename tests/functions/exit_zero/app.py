"""Ends the process with status 0 in the handler."""

import sys


def handler(event, context):
    sys.exit(0)

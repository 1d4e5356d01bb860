"""Inspects and attacks its sandbox: runs event["probe"] with event["arguments"].

Every probe answers {"value": …} or {"errno": …, "error": …}; the test decides what is right.
"""

import ctypes
import os

import attacks
import inspection

PROBES = {**attacks.PROBES, **inspection.PROBES}


def handler(event, context):
    """Run one probe."""
    if event["probe"] == "names":
        return {"value": sorted(PROBES)}
    ctypes.set_errno(0)
    try:
        return {"value": PROBES[event["probe"]](**event.get("arguments", {}))}
    except OSError as error:
        return {"errno": error.errno, "error": str(error)}
    except Exception as error:
        return {"errno": None, "error": f"{type(error).__name__}: {error}", "pid": os.getpid()}

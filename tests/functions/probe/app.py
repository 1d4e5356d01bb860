"""Inspects and attacks its sandbox: runs event["probe"] with event["arguments"].

Every probe answers {"value": …} or {"errno": …, "error": …}; the test decides what is right.
"""

import ctypes
import os

import attacks
import floods
import inspection
import memory
import sweep
import wire

MODULES = (attacks, floods, inspection, memory, sweep, wire)
PROBES = {name: probe for module in MODULES for name, probe in module.PROBES.items()}


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

"""What a `process` sandbox runs: the runtime in a process of its own, without isolation."""

from __future__ import annotations

import importlib
import json
import os
import re
import sys
from typing import Dict, List

from lambdad.launcher import entering, packets

# What an interpreter, the loader, or we ourselves open by the names that these hold.
_PATHS = (
    *("AWS_LAMBDA_EXEC_WRAPPER", "LD_LIBRARY_PATH", "LD_PRELOAD"),
    *("NODE_PATH", "GEM_PATH", "RUBYLIB", "PATH", "PYTHONPATH"),
)


def main(channel_descriptor: int, output: int, order_text: str) -> None:
    """Open the listeners, take the assignment, become the runtime."""
    order = json.loads(order_text)
    channel = packets.from_descriptor(channel_descriptor)
    entering.take_output(output)
    os.close(output)
    entering.limit_resources()
    if sys.platform == "linux":
        _end_with_the_launcher(order["launcher"])
    variables = entering.receive_assignment(channel, entering.open_listeners())
    channel.close()
    variables["LAMBDA_TASK_ROOT"] = order["task"]
    variables["TMPDIR"] = order["tmp"]
    places = {"/var/task": order["task"], "/var/runtime": order["runtime"]}
    if order["layers"] is not None:
        places["/opt"] = order["layers"]
        packages = [*_packages_of_layers(), variables.get("PYTHONPATH", "")]
        variables["PYTHONPATH"] = ":".join(filter(None, packages))
    _relocate(variables, places)
    if order["program"]:
        entering.run_program({**order["variables"], **variables}, order["program"])
    if order["start"] == "bootstrap":
        entering.run_bootstrap(variables, [order["task"], *filter(None, [order["layers"]])])
    sys.path[:] = [order["runtime"], *(p for p in sys.path if p != order["source"])]
    bootstrap = importlib.import_module("bootstrap")  # the runtime
    if order["start"] == "spawn":
        entering.run_program(variables, [sys.executable, str(bootstrap.__file__)])
    entering.run_runtime(variables, bootstrap.run)


def _packages_of_layers() -> List[str]:
    """What the runtime looks through at /opt, where it is not."""
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    return [f"/opt/python/lib/{version}/site-packages", "/opt/python"]


def _relocate(variables: Dict[str, str], places: Dict[str, str]) -> None:
    """Let lists of paths mean what they mean at AWS: without a root of its own, a function has its
    files elsewhere."""
    for name in _PATHS:
        parts = re.split("([: ])", variables.get(name, ""))
        if any(parts):
            variables[name] = "".join(_moved(part, places) for part in parts)


def _moved(path: str, places: Dict[str, str]) -> str:
    for known, place in places.items():
        if path == known or path.startswith(known + "/"):
            return place + path[len(known) :]
    return path


def _end_with_the_launcher(launcher: int) -> None:
    from lambdad.launcher import syscalls

    syscalls.die_with_parent()
    if os.getppid() != launcher:
        os._exit(0)

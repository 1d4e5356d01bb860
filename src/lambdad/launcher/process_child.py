"""What a `process` sandbox runs: the runtime in a process of its own, without isolation."""

from __future__ import annotations

import importlib
import json
import os
import sys

from lambdad.launcher import entering, packets


def main(channel_descriptor: int, output: int, order_text: str) -> None:
    """Open the listeners, take the assignment, become the runtime."""
    order = json.loads(order_text)
    channel = packets.from_descriptor(channel_descriptor)
    entering.take_output(output)
    os.close(output)
    entering.limit_resources()
    if sys.platform == "linux":
        _end_with_the_launcher(order["launcher"])
    variables = entering.receive_assignment(channel, entering.open_listeners(0, 0))
    channel.close()
    variables["LAMBDA_TASK_ROOT"] = order["task"]
    variables["TMPDIR"] = order["tmp"]
    variables["PYTHONPATH"] = os.pathsep.join(order["runtime"])
    sys.path[:] = [*order["runtime"], *(p for p in sys.path if p != order["source"])]
    bootstrap = importlib.import_module("bootstrap")  # the runtime
    if order["start"] == "spawn":
        entering.run_program(variables, sys.executable, str(bootstrap.__file__))
    entering.run_runtime(variables, bootstrap.run)


def _end_with_the_launcher(launcher: int) -> None:
    from lambdad.launcher import syscalls

    syscalls.die_with_parent()
    if os.getppid() != launcher:
        os._exit(0)

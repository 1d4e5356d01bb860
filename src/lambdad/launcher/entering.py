"""The last steps into a sandbox, taken by the process that becomes the function's.

The node gave it a channel. Over it go, first, the listeners that the process opened on its own
loopback (Runtime API and AWS endpoint) and a view of its memory; back comes the assignment: the
environment variables. Then the channel is closed and the runtime takes over. Whatever fails on the
way is said on the channel, so that the node can name it.
"""

from __future__ import annotations

import os
import random
import resource
import signal
import socket
import sys
import time
from typing import Any, Callable, Dict, Iterable, List

from lambdad.launcher import packets

RUNTIME_API_PORT = 9001
ENDPOINT_PORT = 4566
FILE_DESCRIPTORS = 1024
_BACKLOG = 128
_MEMORY = "/proc/self/statm"


def open_listeners(runtime_api_port: int, endpoint_port: int) -> List[socket.socket]:
    """The two listeners on this process's loopback; port 0 takes any free one."""
    return [_listen(runtime_api_port), _listen(endpoint_port)]


def receive_assignment(channel: socket.socket, listeners: List[socket.socket]) -> Dict[str, str]:
    """Hand over the listeners, and where the memory in use can be read; wait for the environment
    variables."""
    addresses = ["{}:{}".format(*listener.getsockname()) for listener in listeners]
    handed = [listener.fileno() for listener in listeners]
    if os.path.exists(_MEMORY):
        handed.append(os.open(_MEMORY, os.O_RDONLY))
    packets.send(channel, {"listeners": addresses}, handed)
    for descriptor in handed[len(listeners) :]:
        os.close(descriptor)
    for listener in listeners:
        listener.close()
    packet = packets.receive(channel)
    if packet is None:
        os._exit(0)  # the node does not want this environment any more
    variables: Dict[str, str] = packet[0]["variables"]
    variables.setdefault("AWS_LAMBDA_RUNTIME_API", addresses[0])
    variables.setdefault("AWS_ENDPOINT_URL", "http://" + addresses[1])
    return variables


def close_all_but(keep: List[int]) -> None:
    """Close every descriptor that is not standard input, output, error or in `keep`."""
    for descriptor in _open_descriptors():
        if descriptor > 2 and descriptor not in keep:
            try:
                os.close(descriptor)
            except OSError:
                pass  # the one with which they were listed


def _open_descriptors() -> Iterable[int]:
    """Those that are open; where that cannot be known, all that could be."""
    try:
        return [int(name) for name in os.listdir("/proc/self/fd")]
    except OSError:
        return range(resource.getrlimit(resource.RLIMIT_NOFILE)[1])


def take_output(output: int) -> None:
    """Let standard output and error go to `output`, and standard input come from nowhere."""
    nothing = os.open("/dev/null", os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(output, 1)
    os.dup2(output, 2)


def limit_resources() -> None:
    """The limits that AWS documents and that belong to the process."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    files = FILE_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(FILE_DESCRIPTORS, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def reset_inherited_state() -> None:
    """Undo what a fork copies and no two environments may share."""
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGCHLD, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)  # as every Python process has it
    signal.signal(signal.SIGINT, signal.default_int_handler)
    random.seed()


def run_runtime(variables: Dict[str, str], run: Callable[[], Any]) -> None:
    """Become the runtime: the process ends with it. What brought us here is no module of the
    function's."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "lambdad"]:
        del sys.modules[name]
    os.environ.clear()
    os.environ.update(variables)
    time.tzset()
    os.chdir(variables["LAMBDA_TASK_ROOT"])
    run()
    sys.exit(0)


def _listen(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(_BACKLOG)
    return listener

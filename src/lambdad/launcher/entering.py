"""The last steps into a sandbox, taken by the process that becomes the function's.

The node gave it a channel. Over it go, first, the listeners that the process opened on its own
loopback (Runtime API, AWS endpoint and X-Ray daemon; a second run in the same place has them
already), a view of its memory and one of its /tmp; back comes the assignment: the environment
variables. Then the channel is closed and the runtime takes over. Whatever fails on the way is said
on the channel, so that the node can name it.
"""

from __future__ import annotations

import os
import random
import resource
import signal
import socket
import sys
import time
from typing import Any, Callable, Dict, List, NoReturn, Optional, Sequence

from lambdad.launcher import packets

RUNTIME_API_PORT = 9001
ENDPOINT_PORT = 4566
XRAY_DAEMON_PORT = 2000
PORTS = (RUNTIME_API_PORT, ENDPOINT_PORT, XRAY_DAEMON_PORT)
_ANY_PORT = 0
LISTENERS = ("runtime_api", "endpoint", "xray_daemon")
_ADDRESSES = tuple(f"127.0.0.1:{port}" for port in PORTS)
FILE_DESCRIPTORS = 1024
PROCESSES = 1024
_BACKLOG = 128
RECEIVE_BUFFER = 32 * 1024  # bytes; the kernel doubles it
_HIGHEST_DESCRIPTOR = 0xFFFFFFFF  # a limit may be lower than what was opened before it
_MEMORY = "/proc/self/statm"
_INVALID_ENTRYPOINT = "Runtime.InvalidEntrypoint"
IGNORED_BY_PYTHON = (signal.SIGPIPE, signal.SIGXFSZ)


def open_listeners(has_own_network: bool = False) -> List[socket.socket]:
    """The listeners on this process's loopback: at the usual ports where nobody else has it, and
    otherwise at free ones."""
    runtime_api, endpoint, daemon = PORTS if has_own_network else (_ANY_PORT,) * len(PORTS)
    listeners = [_listen(runtime_api), _listen(endpoint), _open_datagrams(daemon)]
    # Connections inherit it, those too that wait for the node to have the listener: less lies in
    # the kernel and comes in at once, which is faster than what the kernel would choose, and holds
    # far less of a stream that is read slowly.
    listeners[0].setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
    return listeners


def receive_assignment(
    channel: socket.socket, listeners: List[socket.socket], tmp: Optional[str] = None
) -> Dict[str, str]:
    """Hand over the listeners, and where the memory in use and the room of `tmp` can be read; wait
    for the environment variables."""
    addresses = ["{}:{}".format(*listener.getsockname()) for listener in listeners]
    handed = what_to_hand_over(listeners, tmp)
    packets.send(channel, {"handed": list(handed)}, list(handed.values()))
    for descriptor in handed.values():
        os.close(descriptor)
    packet = packets.receive(channel)
    if packet is None:
        os._exit(0)  # the node does not want this environment any more
    return with_addresses(packet[0]["variables"], addresses)


def what_to_hand_over(listeners: List[socket.socket], tmp: Optional[str]) -> Dict[str, int]:
    """By name: descriptors of the listeners, and where the memory in use and the room of `tmp` can
    be read. The listeners are nothing else from then on."""
    handed = {LISTENERS[n]: listener.detach() for n, listener in enumerate(listeners)}
    if os.path.exists(_MEMORY):
        handed["memory"] = os.open(_MEMORY, os.O_RDONLY)
    if tmp is not None:
        handed["tmp"] = os.open(tmp, os.O_PATH)
    return handed


def with_addresses(variables: Dict[str, str], addresses: Sequence[str]) -> Dict[str, str]:
    """The variables with the addresses of the listeners, where nobody has set others."""
    runtime_api, endpoint, daemon = addresses or _ADDRESSES
    variables.setdefault("AWS_LAMBDA_RUNTIME_API", runtime_api)
    variables.setdefault("AWS_ENDPOINT_URL", "http://" + endpoint)
    variables.setdefault("AWS_XRAY_DAEMON_ADDRESS", daemon)
    host, port = daemon.split(":")
    variables["_AWS_XRAY_DAEMON_ADDRESS"], variables["_AWS_XRAY_DAEMON_PORT"] = host, port
    return variables


def rehearse() -> None:
    """Make the memory warm that these steps write to, while nobody waits; see the runtime's
    rehearsal."""
    ours, theirs = packets.socket_pair()
    with ours, theirs:
        packets.send(ours, {"variables": dict(os.environ)}, [0])
        packet = packets.receive(theirs)
        assert packet is not None
        os.close(packet[1][0])
    os.environ.update(dict(os.environ))
    time.tzset()


def close_all_but(keep: List[int]) -> None:
    """Close every descriptor that is not standard input, output, error or in `keep`."""
    from lambdad.launcher import syscalls  # which only Linux has

    first = 3
    for descriptor in sorted(keep):
        if descriptor > first:
            syscalls.close_range(first, descriptor - 1)
        first = descriptor + 1
    syscalls.close_range(first, _HIGHEST_DESCRIPTOR)


def take_output(output: int) -> None:
    """Let standard output and error go to `output`, and standard input come from nowhere."""
    take_pipes(os.open("/dev/null", os.O_RDONLY), output)


def take_pipes(standard_input: int, output: int) -> None:
    """Let standard input come from one descriptor, output and error go to another."""
    os.dup2(standard_input, 0)
    os.dup2(output, 1)
    os.dup2(output, 2)


def limit_resources() -> None:
    """The limits that AWS documents and that belong to the process."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    files = FILE_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(FILE_DESCRIPTORS, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def limit_processes() -> None:
    """The same for processes and threads, which are counted by user id: this one has its own."""
    _, hard = resource.getrlimit(resource.RLIMIT_NPROC)
    most = PROCESSES if hard == resource.RLIM_INFINITY else min(PROCESSES, hard)
    resource.setrlimit(resource.RLIMIT_NPROC, (most, most))


def limit_data(size: Optional[int]) -> None:
    """Let this process and each that it starts have no more data, where no cgroup limits them."""
    if size is not None:
        resource.setrlimit(resource.RLIMIT_DATA, (size, size))


def reset_inherited_state() -> None:
    """Undo what a fork copies and no two environments may share."""
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGCHLD, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)  # as every Python process has it
    signal.signal(signal.SIGINT, signal.default_int_handler)
    random.seed()


def own_modules() -> List[str]:
    """The names of what brought us here. To look for them in a fork would write to the memory of
    every module's name."""
    return [name for name in sys.modules if name.partition(".")[0] == "lambdad"]


def run_runtime(
    variables: Dict[str, str], run: Callable[[], Any], hidden: Optional[List[str]] = None
) -> None:
    """Become the runtime: the process ends with it. What brought us here is no module of the
    function's; to free it would write to its memory, so it is kept where nobody finds it."""
    kept = [sys.modules.pop(name, None) for name in hidden or own_modules()]
    os.environ.clear()
    os.environ.update(variables)
    time.tzset()
    os.chdir(variables["LAMBDA_TASK_ROOT"])
    run()
    del kept
    sys.exit(0)


def run_program(variables: Dict[str, str], program: Sequence[str]) -> None:
    """Become the runtime as a program of its own, in the wrapper that the function may name; does
    not return."""
    command = list(program)
    wrapper = variables.get("AWS_LAMBDA_EXEC_WRAPPER")
    os.chdir(variables["LAMBDA_TASK_ROOT"])
    for number in IGNORED_BY_PYTHON:  # and by every program that it becomes
        signal.signal(number, signal.SIG_DFL)
    if wrapper:
        _check_wrapper(wrapper)
        command.insert(0, wrapper)
        if _is_script_without_interpreter(wrapper):
            command.insert(0, "/bin/sh")
    try:
        os.execve(command[0], command, variables)  # noqa: S606
    except OSError as error:
        _refuse(f"{command[0]}: cannot be run: {error.strerror}", 126)


def run_standby(command: List[str], variables: Dict[str, str]) -> NoReturn:
    """Become a program that waits for its function; it has its two pipes already."""
    os.chdir("/")
    for number in IGNORED_BY_PYTHON:
        signal.signal(number, signal.SIG_DFL)
    try:
        os.execve(command[0], command, variables)  # noqa: S606
    except OSError as error:
        _refuse(f"{command[0]}: cannot be run: {error.strerror}", 126)


def run_bootstrap(variables: Dict[str, str], roots: Sequence[str]) -> None:
    """Become the runtime that the function brings along; without one that can be run, tell the
    Runtime API, as AWS tells it. Does not return."""
    programs = [os.path.join(root, "bootstrap") for root in roots]
    os.chdir(variables["LAMBDA_TASK_ROOT"])
    for number in IGNORED_BY_PYTHON:
        signal.signal(number, signal.SIG_DFL)
    for path in programs:
        if os.path.isfile(path) and os.access(path, os.X_OK):
            try:
                os.execve(path, [path], variables)  # noqa: S606
            except OSError as error:
                _refuse(f"{path}: cannot be run: {error.strerror}", 126)
    _tell_of_no_bootstrap(variables["AWS_LAMBDA_RUNTIME_API"], programs)
    os._exit(1)


def _tell_of_no_bootstrap(address: str, programs: Sequence[str]) -> None:
    import json  # only here: no zygote should carry these for everybody
    from http.client import HTTPConnection

    message = f"Couldn't find valid bootstrap(s): [{' '.join(programs)}]"
    error = {"errorType": _INVALID_ENTRYPOINT, "errorMessage": message}
    headers = {"Lambda-Runtime-Function-Error-Type": _INVALID_ENTRYPOINT}
    api = HTTPConnection(address)
    api.request("POST", "/2018-06-01/runtime/init/error", json.dumps(error), headers)
    api.getresponse().read()


def _check_wrapper(path: str) -> None:
    """In the words of AWS, whose bootstrap is a shell script that looks first."""
    if not os.path.isfile(path):
        _refuse(f"{path}: does not exist", 127)
    if not os.access(path, os.X_OK):
        _refuse(f"{path}: is not an executable", 126)


def _is_script_without_interpreter(path: str) -> bool:
    """Text that does not begin with #!, which the kernel does not run and a shell does."""
    try:
        with open(path, "rb") as file:
            start = file.read(80)
    except OSError:
        return False  # it may be run and not be read
    return not start.startswith(b"#!") and b"\0" not in start


def _refuse(sentence: str, status: int) -> NoReturn:
    os.write(2, os.fsencode(sentence + "\n"))
    os._exit(status)


def _listen(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(_BACKLOG)
    return listener


def _open_datagrams(port: int) -> socket.socket:
    """Where SDKs send what they trace; nothing is answered."""
    datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    datagrams.bind(("127.0.0.1", port))
    return datagrams

"""The last steps into a sandbox, each in a child process of its own."""

from __future__ import annotations

import os
import resource
import signal
import socket
from collections.abc import Callable

from lambdad.launcher import entering, packets

Fork = Callable[[Callable[[], int | None]], int]


def exit_code(pid: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


def test_only_what_is_kept_stays_open(fork: Fork) -> None:
    def child() -> int:
        kept, closed = os.dup2(0, 50), [os.dup2(0, n) for n in (30, 49, 51, 900)]
        entering.close_all_but([kept])
        stay = [descriptor for descriptor in (0, 1, 2, kept) if is_open(descriptor)]
        return 0 if stay == [0, 1, 2, 50] and not any(map(is_open, closed)) else 1

    assert exit_code(fork(child)) == 0


def test_descriptors_above_a_lowered_limit_are_closed_too(fork: Fork) -> None:
    """The limit is lowered on the way in; what was opened before may lie above it."""

    def child() -> int:
        high = os.dup2(0, 1500)
        entering.limit_resources()
        entering.close_all_but([])
        return 1 if is_open(high) else 0

    assert exit_code(fork(child)) == 0


def test_output_goes_to_the_pipe_and_input_comes_from_nowhere(fork: Fork) -> None:
    reading, writing = os.pipe()

    def child() -> int:
        entering.take_output(writing)
        os.write(1, b"out ")
        os.write(2, b"error")
        return 0 if os.read(0, 10) == b"" else 1

    assert exit_code(fork(child)) == 0
    assert os.read(reading, 100) == b"out error"
    os.close(reading)
    os.close(writing)


def test_the_documented_limits_hold(fork: Fork) -> None:
    def child() -> int:
        entering.limit_resources()
        files = resource.getrlimit(resource.RLIMIT_NOFILE)
        core = resource.getrlimit(resource.RLIMIT_CORE)
        return 0 if (files, core) == ((1024, 1024), (0, 0)) else 1

    assert exit_code(fork(child)) == 0


def test_no_signal_state_is_inherited(fork: Fork) -> None:
    def child() -> int:
        signal.signal(signal.SIGTERM, lambda *_: None)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        entering.reset_inherited_state()
        handlers = [signal.getsignal(n) for n in (signal.SIGTERM, signal.SIGCHLD, signal.SIGPIPE)]
        return 0 if handlers == [signal.SIG_DFL, signal.SIG_DFL, signal.SIG_IGN] else 1

    assert exit_code(fork(child)) == 0


def test_listeners_go_out_and_the_variables_come_in() -> None:
    # Given
    ours, theirs = packets.socket_pair()
    packets.send(ours, {"variables": {"A": "1"}})
    # When
    with theirs:
        variables = entering.receive_assignment(theirs, entering.open_listeners(0, 0))
    # Then
    packet = packets.receive(ours)
    assert packet is not None
    message, descriptors = packet
    api, endpoint = message["listeners"]
    assert variables == {
        "A": "1",
        "AWS_LAMBDA_RUNTIME_API": api,
        "AWS_ENDPOINT_URL": f"http://{endpoint}",
    }
    listeners = [socket.socket(fileno=descriptor) for descriptor in descriptors[:2]]
    assert ["{}:{}".format(*each.getsockname()) for each in listeners] == [api, endpoint]
    for listener in listeners:
        listener.close()
    for descriptor in descriptors[2:]:
        assert os.pread(descriptor, 10, 0).split()[0].isdigit()  # how much memory is in use
        os.close(descriptor)
    ours.close()


def test_what_the_function_sets_itself_is_kept() -> None:
    ours, theirs = packets.socket_pair()
    packets.send(ours, {"variables": {"AWS_ENDPOINT_URL": "http://elsewhere"}})
    with theirs:
        variables = entering.receive_assignment(theirs, entering.open_listeners(0, 0))
    assert variables["AWS_ENDPOINT_URL"] == "http://elsewhere"
    packet = packets.receive(ours)
    assert packet is not None
    for descriptor in packet[1]:
        os.close(descriptor)
    ours.close()


def test_an_environment_that_nobody_wants_any_more_ends_in_peace(fork: Fork) -> None:
    ours, theirs = packets.socket_pair()

    def child() -> int:
        ours.close()
        entering.receive_assignment(theirs, entering.open_listeners(0, 0))
        return 1

    pid = fork(child)
    theirs.close()
    assert packets.receive(ours) is not None
    ours.close()
    assert exit_code(pid) == 0

"""The last steps into a sandbox, each in a child process of its own."""

from __future__ import annotations

import os
import resource
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

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


def handed_on(channel: socket.socket) -> dict[str, int]:
    packet = packets.receive(channel)
    assert packet is not None
    message, descriptors = packet
    return dict(zip(message["handed"], descriptors, strict=True))


def close_all(descriptors: dict[str, int]) -> None:
    for descriptor in descriptors.values():
        os.close(descriptor)


def test_listeners_go_out_and_the_variables_come_in() -> None:
    # Given
    ours, theirs = packets.socket_pair()
    packets.send(ours, {"variables": {"A": "1"}})
    listeners = entering.open_listeners()
    api, endpoint, daemon = ("{}:{}".format(*each.getsockname()) for each in listeners)
    # When
    with theirs:
        variables = entering.receive_assignment(theirs, listeners)
    # Then
    assert variables == {
        "A": "1",
        "AWS_LAMBDA_RUNTIME_API": api,
        "AWS_ENDPOINT_URL": f"http://{endpoint}",
        "AWS_XRAY_DAEMON_ADDRESS": daemon,
        "_AWS_XRAY_DAEMON_ADDRESS": "127.0.0.1",
        "_AWS_XRAY_DAEMON_PORT": daemon.split(":")[1],
    }
    handed = handed_on(ours)
    assert list(handed) == ["runtime_api", "endpoint", "xray_daemon", "memory"]
    addresses = {"runtime_api": api, "endpoint": endpoint, "xray_daemon": daemon}
    for name, address in addresses.items():
        with socket.socket(fileno=handed.pop(name)) as listener:
            assert "{}:{}".format(*listener.getsockname()) == address
    assert os.pread(handed["memory"], 10, 0).split()[0].isdigit()  # how much memory is in use
    close_all(handed)
    ours.close()


def test_the_room_of_the_temporary_directory_can_be_seen(tmp_path: Path) -> None:
    ours, theirs = packets.socket_pair()
    packets.send(ours, {"variables": {}})
    with theirs:
        entering.receive_assignment(theirs, entering.open_listeners(), str(tmp_path))
    handed = handed_on(ours)
    assert os.fstatvfs(handed["tmp"]).f_blocks == os.statvfs(tmp_path).f_blocks
    close_all(handed)
    ours.close()


def test_a_second_run_hands_over_no_listener_and_has_the_addresses_of_the_first(
    tmp_path: Path,
) -> None:
    ours, theirs = packets.socket_pair()
    packets.send(ours, {"variables": {}})
    with theirs:
        variables = entering.receive_assignment(theirs, [], str(tmp_path))
    assert variables == {
        "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{entering.RUNTIME_API_PORT}",
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{entering.ENDPOINT_PORT}",
        "AWS_XRAY_DAEMON_ADDRESS": "127.0.0.1:2000",
        "_AWS_XRAY_DAEMON_ADDRESS": "127.0.0.1",
        "_AWS_XRAY_DAEMON_PORT": "2000",
    }
    handed = handed_on(ours)
    assert list(handed) == ["memory", "tmp"]
    close_all(handed)
    ours.close()


def test_nothing_that_was_handed_over_stays_open_here(tmp_path: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    ours, theirs = packets.socket_pair()
    packets.send(ours, {"variables": {}})
    with theirs:
        entering.receive_assignment(theirs, entering.open_listeners(), str(tmp_path))
    ours.close()
    assert len(os.listdir("/proc/self/fd")) == before


def test_what_the_function_sets_itself_is_kept() -> None:
    ours, theirs = packets.socket_pair()
    packets.send(ours, {"variables": {"AWS_ENDPOINT_URL": "http://elsewhere"}})
    with theirs:
        variables = entering.receive_assignment(theirs, entering.open_listeners())
    assert variables["AWS_ENDPOINT_URL"] == "http://elsewhere"
    close_all(handed_on(ours))
    ours.close()


def test_an_environment_that_nobody_wants_any_more_ends_in_peace(fork: Fork) -> None:
    ours, theirs = packets.socket_pair()

    def child() -> int:
        ours.close()
        entering.receive_assignment(theirs, entering.open_listeners())
        return 1

    pid = fork(child)
    theirs.close()
    assert packets.receive(ours) is not None
    ours.close()
    assert exit_code(pid) == 0


def test_a_rehearsal_changes_nothing() -> None:
    before = len(os.listdir("/proc/self/fd")), dict(os.environ)
    entering.rehearse()
    assert (len(os.listdir("/proc/self/fd")), dict(os.environ)) == before


# A program of its own


def run_program(fork: Fork, tmp_path: Path, variables: dict[str, str]) -> tuple[int, str]:
    """Run a script that tells its variables, arguments and directory."""
    script = tmp_path / "bootstrap"
    script.write_text('echo "$0 in $PWD: $A; $LEFT_OVER"\n')
    reading, writing = os.pipe()

    def child() -> int:
        entering.take_output(writing)
        sys.stderr = os.fdopen(2, "w")  # and not pytest's
        os.environ["LEFT_OVER"] = "left over"
        entering.run_program({"LAMBDA_TASK_ROOT": "/usr", **variables}, ["/bin/sh", str(script)])
        return 1

    code = exit_code(fork(child))
    os.close(writing)
    printed = os.read(reading, 1000).decode()
    os.close(reading)
    return code, printed


def test_a_program_has_the_functions_variables_and_stands_where_its_code_is(
    fork: Fork, tmp_path: Path
) -> None:
    code, printed = run_program(fork, tmp_path, {"A": "1"})
    assert (code, printed) == (0, f"{tmp_path}/bootstrap in /usr: 1; \n")


def test_a_wrapper_gets_the_command_line(fork: Fork, tmp_path: Path) -> None:
    wrapper = tmp_path / "wrapper"
    wrapper.write_text('#!/bin/sh\nA="wrapped with $1"\nexport A\nexec "$@"\n')
    wrapper.chmod(0o755)
    variables = {"A": "1", "AWS_LAMBDA_EXEC_WRAPPER": str(wrapper)}
    code, printed = run_program(fork, tmp_path, variables)
    assert (code, printed) == (0, f"{tmp_path}/bootstrap in /usr: wrapped with /bin/sh; \n")


@pytest.mark.parametrize(("mode", "expected"), [(None, 127), (0o644, 126)])
def test_a_wrapper_that_cannot_be_run_is_said(
    fork: Fork, tmp_path: Path, mode: int | None, expected: int
) -> None:
    wrapper = tmp_path / "wrapper"
    if mode is not None:
        wrapper.touch(mode)
    code, printed = run_program(fork, tmp_path, {"AWS_LAMBDA_EXEC_WRAPPER": str(wrapper)})
    assert code == expected
    assert printed.startswith(f"{wrapper}: ")


def test_processes_and_data_are_limited_by_the_process_itself(fork: Fork) -> None:
    def run() -> int:
        entering.limit_processes()
        entering.limit_data(512 << 20)
        entering.limit_data(None)  # where a cgroup limits
        processes = resource.getrlimit(resource.RLIMIT_NPROC)
        assert processes == (entering.PROCESSES, entering.PROCESSES)
        assert resource.getrlimit(resource.RLIMIT_DATA) == (512 << 20, 512 << 20)
        return 0

    _, status = os.waitpid(fork(run), 0)
    assert status == 0

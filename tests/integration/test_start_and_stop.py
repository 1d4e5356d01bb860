"""As an operator I start the server with one command, hear what is wrong, and stop it cleanly."""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest
from botocore.exceptions import BotoCoreError

from lambdad.testing.server import LocalServer, ServerNotReady
from support.functions import DeployedFunction
from support.processes import (
    assert_nobody_is_left,
    cgroups_of,
    environments_of,
    mounts_of,
    residue_of,
    slot_of,
)
from support.waiting import wait_until

MakeFunction = Callable[..., DeployedFunction]
StartServer = Callable[..., LocalServer]
pytestmark = pytest.mark.slow


# Starting


def test_the_ready_line_names_the_address_the_sandbox_and_the_runtimes(
    process_server: LocalServer,
) -> None:
    line = process_server.ready_line
    assert line.startswith("lambdad ")
    assert f"is ready at {process_server.url} " in line
    assert "process" in line
    assert str(process_server.data_dir) in line
    assert process_server.runtimes


def test_without_isolation_there_is_a_loud_warning(process_server: LocalServer) -> None:
    assert "WARNING" in process_server.log
    assert "WITHOUT isolation" in process_server.log


def refusal(data_dir: Path, **settings: Any) -> str:
    """What the server says when it does not start; its exit code must be 2."""
    with pytest.raises(ServerNotReady) as caught:
        LocalServer(data_dir, **{"sandbox": "process", **settings}).start()
    assert caught.value.code == 2, caught.value.log
    assert "Traceback" not in caught.value.log
    assert len(caught.value.log.splitlines()) <= 2, caught.value.log
    return caught.value.log


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("port", "abc"),
        ("port", "70000"),
        ("host", "0.0.0.0"),
        ("host", "example.org"),
        ("sandbox", "docker"),
        ("runtimes", "any"),
        ("idle_timeout", "0"),
        ("concurrency", "-1"),
        ("log_level", "loud"),
    ],
)
def test_a_bad_setting_is_refused_by_name(tmp_path: Path, name: str, value: str) -> None:
    said = refusal(tmp_path, **{name: value})
    assert name in said
    assert value in said


def test_nothing_is_imported_from_the_working_directory(tmp_path: Path) -> None:
    """It may be anybody's, and the server may be root."""
    (tmp_path / "selectors.py").write_text("print('taken over')")
    command = [str(Path(sys.executable).with_name("lambdad")), "serve", "--data-dir", "/proc/no"]
    command += ["--sandbox", "process", "--port", "0"]
    server = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert server.returncode == 2
    assert "taken over" not in server.stdout
    assert "data_dir" in server.stderr


def test_a_bad_variable_is_refused_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAMBDAD_IDLE_TIMEOUT", "soon")
    said = refusal(tmp_path)
    assert "idle_timeout" in said
    assert "soon" in said


def test_a_taken_port_is_refused_by_number(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = refusal(tmp_path, port=port)
    assert str(port) in said
    assert "another program listens there" in said


@pytest.mark.parametrize("place", ["/proc/lambdad-data", "/dev/null", "/dev/null/below"])
def test_an_unwritable_directory_is_refused_by_name(place: str) -> None:
    # In these places nobody can make a directory, not even root
    said = refusal(Path(place))
    assert place in said
    assert "cannot be written" in said


def test_a_second_server_on_the_same_directory_is_refused(
    process_server: LocalServer,
) -> None:
    # When
    began = time.monotonic()
    said = refusal(process_server.data_dir)
    # Then
    assert "another server is using" in said
    assert str(process_server.data_dir) in said
    assert 2.9 < time.monotonic() - began < 8
    assert process_server.is_running


def test_a_dying_server_is_waited_for(start_server: StartServer, tmp_path: Path) -> None:
    # Given a directory whose lock somebody holds, as a dying server does
    data_dir = tmp_path / "data"
    data_dir.mkdir()
    for directory in (tmp_path.parent, tmp_path):
        directory.chmod(0o711)
    lock = (data_dir / "lock").open("w")
    fcntl.flock(lock, fcntl.LOCK_EX)
    # When a server comes, and the lock goes while it waits
    with lock, ThreadPoolExecutor(1) as threads:
        starting = threads.submit(start_server, data_dir, sandbox="process")
        wait_until(lambda: _has_open(data_dir / "lock"), "the server waits for the lock")
        fcntl.flock(lock, fcntl.LOCK_UN)
        # Then
        assert starting.result().is_running


def _has_open(path: Path) -> bool:
    """Whether a child of ours has a file open."""
    for process in psutil.Process().children():
        try:
            if str(path) in [opened.path for opened in process.open_files()]:
                return True
        except psutil.Error:
            continue
    return False


def test_two_servers_run_side_by_side(
    start_server: StartServer, make_function: MakeFunction
) -> None:
    servers = [start_server(sandbox="process") for _ in range(2)]
    functions = [make_function("echo", on=server, FunctionName="same") for server in servers]
    assert [function.call(n) for n, function in enumerate(functions)] == [0, 1]


def test_what_was_deployed_is_there_after_a_restart(
    start_server: StartServer, make_function: MakeFunction, client_for: Callable[..., object]
) -> None:
    server = start_server(sandbox="process")
    function = make_function("echo", on=server)
    function.call()
    before = function.configuration()
    assert server.stop() == 0
    server.start()
    again = DeployedFunction(
        client_for("lambda", server), client_for("logs", server), function.created
    )
    assert again.call("back") == "back"
    assert again.starts() == 2
    assert again.configuration()["RevisionId"] == before["RevisionId"]


# Stopping


@pytest.mark.root
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_lets_running_invocations_finish_and_leaves_nothing(
    start_server: StartServer,
    make_function: MakeFunction,
    running_servers: list[LocalServer],
    number: signal.Signals,
) -> None:
    # Given one that runs, and one that is idle
    server = start_server()
    sleeping, idle = make_function("sleep", on=server), make_function("echo", on=server)
    idle.call()
    slot = slot_of(server)
    assert slot is not None
    with ThreadPoolExecutor(1) as threads:
        running = threads.submit(sleeping.invoke, {"seconds": 1.5})
        wait_until(sleeping.starts, "it runs")
        assert len(environments_of(server)) == 2
        assert cgroups_of(slot)
        # When
        os.kill(server.pid, number)
        # Then it finishes
        assert running.result().error is None
        assert server.wait(10) == 0
    # And nothing is left
    assert_nobody_is_left([other for other in running_servers if other.is_running])
    assert residue_of(slot) == []
    assert mounts_of(server.data_dir) == []
    with pytest.raises(BotoCoreError):
        idle.invoke()


def test_while_it_drains_new_connections_are_refused(
    start_server: StartServer, make_function: MakeFunction
) -> None:
    # Given
    server = start_server(sandbox="process")
    function = make_function("sleep", on=server)
    host, port = server.url.removeprefix("http://").split(":")

    def is_refused() -> bool:
        try:
            with socket.create_connection((host, int(port)), 1) as connection:
                connection.sendall(b"GET /_lambdad/health HTTP/1.1\r\nhost: x\r\n\r\n")
                return connection.recv(1) == b""
        except OSError:
            return True

    with ThreadPoolExecutor(1) as threads:
        running = threads.submit(function.invoke, {"seconds": 2})
        wait_until(function.starts, "it runs")
        # When
        os.kill(server.pid, signal.SIGTERM)
        # Then
        wait_until(is_refused, "connections are refused", timeout=1.5)
        assert not running.done()
        assert running.result().error is None
        assert server.wait(10) == 0


def test_a_second_signal_does_not_wait(
    start_server: StartServer,
    make_function: MakeFunction,
    running_servers: list[LocalServer],
) -> None:
    # Given
    server = start_server(sandbox="process")
    function = make_function("sleep", on=server)
    with ThreadPoolExecutor(1) as threads:
        running = threads.submit(function.invoke, {"seconds": 9})
        wait_until(function.starts, "it runs")
        # When
        os.kill(server.pid, signal.SIGTERM)
        # two that come close together are one to the process, so it gets another and another
        wait_until(lambda: not server.is_running or os.kill(server.pid, signal.SIGTERM), "it ends")
        # Then
        with pytest.raises(BotoCoreError):
            running.result(timeout=2)
    assert_nobody_is_left([other for other in running_servers if other.is_running])


def test_an_idle_server_stops_at_once(start_server: StartServer) -> None:
    server = start_server(sandbox="process")
    began = time.monotonic()
    assert server.stop() == 0
    assert time.monotonic() - began < 3

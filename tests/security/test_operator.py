"""Nothing of who runs the server is in an environment: not their variables, their data directory,
their sockets."""

from __future__ import annotations

import errno
import secrets
import socket
from collections.abc import Callable

import pytest

from lambdad.testing.server import LocalServer
from support.functions import DeployedFunction
from support.probes import Probe, Refused
from support.sandboxes import on_isolated

MakeFunction = Callable[..., DeployedFunction]
pytestmark = pytest.mark.slow


@pytest.mark.root
@pytest.mark.parametrize("rootless", [False, True], ids=["namespaces", "rootless"])
def test_variables_of_the_operators_shell_are_in_no_environment(
    start_server: Callable[..., LocalServer],
    make_function: MakeFunction,
    monkeypatch: pytest.MonkeyPatch,
    rootless: bool,
) -> None:
    # Given
    halves = secrets.token_hex(16), secrets.token_hex(16)
    monkeypatch.setenv("OPERATORS_PASSWORD", "".join(halves))
    server = start_server(rootless=rootless)
    for variables in ({}, {"PYTHONOPTIMIZE": "1"}):  # a start from the pool, and a program
        # When
        settings = {"MemorySize": 1769, "Environment": {"Variables": variables}}
        probe = Probe(make_function("probe", on=server, **settings))
        # Then
        for search in ("find_in_memory", "find_in_proc"):
            assert probe.ask(search, halves=[halves]) == [], (search, variables)


@on_isolated
def test_the_data_directory_is_told_by_no_process(probe: Probe, server: LocalServer) -> None:
    # The kernel tells what of it is mounted (mountinfo), and knowing its path leads nowhere
    directory = [(str(server.data_dir.parent) + "/", server.data_dir.name)]
    files = ["environ", "cmdline", "maps"]
    assert probe.ask("find_in_proc", halves=directory, files=files) == []
    for path in (server.data_dir, f"/proc/1/root{server.data_dir}"):
        with pytest.raises(Refused) as caught:
            probe.ask("listing", path=str(path))
        assert caught.value.errno == errno.ENOENT


@on_isolated
def test_sockets_of_the_machine_are_not_reached(probe: Probe) -> None:
    # Given a server's socket with an abstract name, which is in no file system
    name = f"lambdad-test-{secrets.token_hex(8)}"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"\0{name}")
        listener.listen()
        # Then
        refused = probe.errno_of("connect_local", path=f"@{name}")
        assert refused == errno.ECONNREFUSED, "only the function's own namespace has abstract names"
    for path in ("/run/docker.sock", "/run/dbus/system_bus_socket", "/run/systemd/private"):
        assert probe.errno_of("connect_local", path=path) == errno.ENOENT

"""What functions reach of the world when the operator lets them have some of it."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from botocore.exceptions import ClientError

from lambdad.testing.server import LocalServer, ServerNotReady
from support import played_internet as played
from support.functions import DeployedFunction
from support.processes import assert_nobody_is_left
from support.waiting import wait_until

MakeFunction = Callable[..., DeployedFunction]
StartServer = Callable[..., LocalServer]

pytestmark = [pytest.mark.root, pytest.mark.slow]

LOOPBACK = "198.19.254.2"  # the machine's, as docs/egress.md says


@pytest.fixture(scope="module")
def machine() -> Iterator[None]:
    """Be on a machine whose internet is played."""
    with played.played_machine():
        yield


@pytest.fixture(scope="module")
def servers(machine: None, running_servers: list[LocalServer]) -> Iterator[StartServer]:
    """Servers on that machine, one for each set of settings."""
    made: dict[str, LocalServer] = {}

    def start(**settings: Any) -> LocalServer:
        key = repr(settings)
        if key not in made:
            server = played.make_server(**settings)
            made[key] = server.start()
            running_servers.append(server)
        return made[key]

    yield start
    for server in made.values():
        server.close()
        running_servers.remove(server)


@pytest.fixture(params=[False, True], ids=["namespaces", "rootless"])
def rootless(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


def reach(function: DeployedFunction, host: str, port: int = 80) -> Any:
    """Who answered the function there, or the errno with which it failed."""
    found = function.call({"host": host, "port": port})
    return found.get("said", found.get("errno"))


def asking(level: str) -> dict[str, Any]:
    """The settings of a function that asks for an egress."""
    return {"Environment": {"Variables": {"LAMBDAD_EGRESS": level}}}


def test_a_function_with_the_internet_reaches_public_addresses_and_names(
    servers: StartServer, make_function: MakeFunction, rootless: bool
) -> None:
    # Given
    function = make_function("reach", on=servers(egress="internet", rootless=rootless))
    # Then
    assert reach(function, played.PUBLIC) == played.PUBLIC
    assert reach(function, played.NAME) == played.PUBLIC


def test_a_function_with_the_internet_reaches_nothing_else(
    servers: StartServer, make_function: MakeFunction, rootless: bool
) -> None:
    # Given services there, which this machine reaches
    function = make_function("reach", on=servers(egress="internet", rootless=rootless))
    services = {
        "the machine's public address": (played.MACHINE, played.PORT),
        "the machine's private address": (played.MACHINE_PRIVATE, played.PORT),
        "the machine's loopback": (LOOPBACK, played.PORT),
        "all that the router could take for loopback": ("198.19.254.77", played.PORT),
        "a private network": (played.PRIVATE, 80),
        "metadata": (played.METADATA, 80),
    }
    # Then
    for what, (host, port) in services.items():
        assert reach(function, host, port) == errno.EHOSTUNREACH, what
    assert reach(function, "127.0.0.1", played.PORT) == errno.ECONNREFUSED  # its own loopback


def test_a_function_with_the_host_reaches_its_services_and_private_networks(
    servers: StartServer, make_function: MakeFunction, rootless: bool
) -> None:
    # Given
    server = servers(egress="host", rootless=rootless)
    function = make_function("reach", on=server)
    # Then
    assert reach(function, played.NAME) == played.PUBLIC
    assert reach(function, played.PRIVATE) == played.PRIVATE
    for address in (played.MACHINE, played.MACHINE_PRIVATE, LOOPBACK):
        assert reach(function, address, played.PORT) == "machine"
    assert reach(function, played.METADATA) == errno.EHOSTUNREACH
    front_door = int(server.url.rpartition(":")[2])
    assert reach(function, LOOPBACK, front_door) == errno.EHOSTUNREACH


def test_without_the_setting_a_function_reaches_nothing(
    servers: StartServer, make_function: MakeFunction
) -> None:
    # Given
    function = make_function("reach", on=servers())
    # Then
    assert function.call({}) is None
    for address in (played.PUBLIC, played.MACHINE, played.PRIVATE, LOOPBACK):
        assert reach(function, address) == errno.ENETUNREACH


@pytest.mark.usefixtures("machine")
def test_a_process_sandbox_has_no_such_setting() -> None:
    server = played.make_server(egress="internet", sandbox="process")
    with pytest.raises(ServerNotReady, match="process sandboxes have this machine's") as caught:
        server.start()
    assert caught.value.code == 2
    server.close()


def test_private_networks_that_the_operator_lists_are_reached_and_no_others(
    servers: StartServer, make_function: MakeFunction
) -> None:
    # Given
    server = servers(egress="internet", egress_allow="10.77.0.0/16,192.168.50.0/24")
    function = make_function("reach", on=server)
    # Then
    assert reach(function, played.PRIVATE) == played.PRIVATE
    assert reach(function, "10.78.0.1") == errno.EHOSTUNREACH
    assert reach(function, played.MACHINE_PRIVATE, played.PORT) == errno.EHOSTUNREACH


def test_a_function_may_ask_for_less(servers: StartServer, make_function: MakeFunction) -> None:
    # Given
    server = servers(egress="host")
    some = make_function("reach", on=server, **asking("internet"))
    nothing = make_function("reach", on=server, **asking("none"))
    # Then
    assert reach(some, played.PUBLIC) == played.PUBLIC
    assert reach(some, LOOPBACK, played.PORT) == errno.EHOSTUNREACH
    assert reach(nothing, played.PUBLIC) == errno.ENETUNREACH


def test_a_function_that_asks_for_more_than_there_is_is_refused(
    servers: StartServer, make_function: MakeFunction
) -> None:
    # Given
    server = servers(egress="internet")
    # When
    with pytest.raises(ClientError) as caught:
        make_function("reach", on=server, **asking("host"))
    # Then
    assert caught.value.response["Error"]["Code"] == "InvalidParameterValueException"
    assert "internet at most" in caught.value.response["Error"]["Message"]


def test_functions_do_not_reach_each_other(
    servers: StartServer, make_function: MakeFunction
) -> None:
    # Given two that both have all there is, and each its own address
    one, other = (make_function("reach", on=servers(egress="host")) for _ in range(2))
    addresses = [function.call({}) for function in (one, other)]
    assert len(set(addresses)) == 2
    # Then
    assert reach(one, addresses[1], 9001) == errno.EHOSTUNREACH
    assert reach(other, addresses[0], 9001) == errno.EHOSTUNREACH
    for function in (one, other):
        assert reach(function, played.PUBLIC) == played.PUBLIC


def test_an_address_that_the_machine_gets_later_is_its_own_too(
    servers: StartServer, make_function: MakeFunction
) -> None:
    # Given
    function = make_function("reach", on=servers(egress="internet"))
    # When
    played.ip("address add 198.51.100.7/32 dev lo")
    # Then
    wait_until(
        lambda: reach(function, "198.51.100.7", played.PORT) == errno.EHOSTUNREACH,
        "the new address is kept from functions",
    )


def test_an_environment_that_has_crashed_has_its_egress_again(
    servers: StartServer, make_function: MakeFunction
) -> None:
    # Given
    function = make_function("reach", on=servers(egress="internet"))
    address = function.call({})
    # When
    assert function.invoke({"exit": True}).error == "Unhandled"
    # Then
    assert reach(function, played.NAME) == played.PUBLIC
    assert function.call({}) == address


def test_when_the_way_out_ends_another_takes_its_place(
    servers: StartServer, make_function: MakeFunction
) -> None:
    # Given
    server = servers(egress="internet")
    functions = [make_function("reach", on=server) for _ in range(2)]
    assert reach(functions[0], played.PUBLIC) == played.PUBLIC
    # When
    way_out = uplink_of(server)
    way_out.kill()
    wait_until(lambda: "slirp4netns ended" in server.log, "it is seen")
    # Then
    wait_until(lambda: reach(functions[0], played.PUBLIC) == played.PUBLIC, "there is another")
    assert uplink_of(server).pid != way_out.pid
    assert reach(functions[1], played.PUBLIC) == played.PUBLIC


def uplink_of(server: LocalServer) -> psutil.Process:
    """The process through which the server's functions go out."""
    (found,) = (p for p in psutil.Process(server.pid).children() if p.name() == "slirp4netns")
    return found


@pytest.mark.parametrize("end", [LocalServer.stop, LocalServer.kill], ids=["stopped", "killed"])
def test_nothing_of_it_is_left_on_the_machine(
    machine: None,
    running_servers: list[LocalServer],
    make_function: MakeFunction,
    rootless: bool,
    end: Callable[[LocalServer], object],
) -> None:
    # Given
    before = network_state()
    server = played.make_server(egress="host", rootless=rootless)
    try:
        for _ in range(2):
            server.start()
            function = make_function("reach", on=server)
            assert reach(function, played.PUBLIC) == played.PUBLIC
            # When
            end(server)
            # Then
            assert_nobody_is_left(running_servers)
            assert network_state() == before
    finally:
        server.close()


def network_state() -> tuple[str, ...]:
    """What the machine has of interfaces, addresses, routes, rules and settings."""
    forwarding = Path("/proc/sys/net/ipv4/ip_forward").read_text()
    return (
        *(played.ip(f"-brief {what}") for what in ("link", "address", "route", "rule")),
        *(played.run("nft", "list", "ruleset"), forwarding),
    )

"""Interfaces, addresses and routes in network namespaces that a test makes."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable, Iterator
from ipaddress import IPv4Address

import pytest

from lambdad.launcher import network_namespace
from lambdad.launcher.rtnetlink import LOOPBACK, AddressChanges, RouteSocket

pytestmark = pytest.mark.root

NEAR = IPv4Address("198.51.100.1")
FAR = IPv4Address("198.51.100.2")
INDEX = 1_000


@pytest.fixture
def namespaces() -> Iterator[tuple[int, int]]:
    """Two that are new."""
    made = network_namespace.make(), network_namespace.make()
    yield made
    for namespace in made:
        os.close(namespace)


@pytest.fixture
def links(namespaces: tuple[int, int]) -> Iterator[RouteSocket]:
    """Of the first of them, joined with the second."""
    near, far = namespaces
    with network_namespace.visit(near, RouteSocket) as links:
        links.add_veth("near0", INDEX, 7, peer="far0", peer_index=INDEX, namespace=far)
        links.add_address(INDEX, NEAR)
        links.add_route_to(FAR, INDEX)
        with network_namespace.visit(far, RouteSocket) as others:
            others.keep_from_ipv6(INDEX)
            others.switch_on(INDEX)
            others.add_address(INDEX, FAR)
            others.add_default_route(NEAR, INDEX)
        yield links


def interfaces() -> set[str]:
    return {name for _, name in socket.if_nameindex()}


def test_a_visit_ends_where_it_began(namespaces: tuple[int, int]) -> None:
    before = interfaces()
    assert network_namespace.visit(namespaces[0], interfaces) == {"lo"}
    assert interfaces() == before


def test_what_goes_wrong_on_a_visit_is_the_visitors(namespaces: tuple[int, int]) -> None:
    with pytest.raises(ZeroDivisionError):
        network_namespace.visit(namespaces[0], lambda: 1 // 0)


@pytest.mark.usefixtures("links")
def test_a_pair_of_interfaces_joins_two_namespaces(namespaces: tuple[int, int]) -> None:
    # Given
    near, far = namespaces
    assert "near0" in network_namespace.visit(near, interfaces)
    assert "far0" in network_namespace.visit(far, interfaces)
    with network_namespace.visit(near, lambda: socket.create_server((str(NEAR), 80))):
        # When
        def connect() -> str:
            with socket.create_connection((str(NEAR), 80), timeout=5) as connection:
                return str(connection.getsockname()[0])

        # Then
        assert network_namespace.visit(far, connect) == str(FAR)


@pytest.mark.usefixtures("links")
def test_a_pair_gives_itself_no_address_of_ipv6(namespaces: tuple[int, int]) -> None:
    def addresses() -> str:
        with open("/proc/thread-self/net/if_inet6") as file:
            return file.read()

    assert "far0" not in network_namespace.visit(namespaces[1], addresses)


def test_addresses_are_those_of_every_interface(links: RouteSocket) -> None:
    links.switch_on()
    links.add_address(LOOPBACK, IPv4Address("198.51.100.9"))
    assert links.addresses() == {NEAR, IPv4Address("198.51.100.9"), IPv4Address("127.0.0.1")}


def test_what_the_kernel_refuses_is_an_error(
    links: RouteSocket, namespaces: tuple[int, int]
) -> None:
    refused: list[tuple[Callable[[], None], int]] = [
        (lambda: links.add_address(INDEX, NEAR), errno.EEXIST),
        (lambda: links.switch_on(INDEX + 1), errno.ENODEV),
    ]
    for change, number in refused:
        with pytest.raises(OSError, match="rtnetlink") as caught:
            change()
        assert caught.value.errno == number


def test_a_change_of_addresses_is_told_until_it_is_forgotten(namespaces: tuple[int, int]) -> None:
    # Given
    changes = network_namespace.visit(namespaces[0], AddressChanges)
    with network_namespace.visit(namespaces[0], RouteSocket) as links:
        changes.forget()
        # When
        links.add_address(LOOPBACK, NEAR)
    # Then
    with socket.socket(fileno=os.dup(changes.fileno())) as told:
        assert told.recv(1 << 16, socket.MSG_PEEK)
        changes.forget()
        with pytest.raises(BlockingIOError):
            told.recv(1 << 16, socket.MSG_PEEK)
    changes.close()

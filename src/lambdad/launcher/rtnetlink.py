"""Interfaces, addresses and routes, as the kernel takes them: messages of rtnetlink (IPv4).

A socket speaks of the network namespace in which it was made, wherever its owner goes afterwards.
Numbers and structures are those of the kernel's headers.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
from collections.abc import Iterator
from ipaddress import IPv4Address

LOOPBACK = 1
MTU = 65_520  # nothing here is a wire: large packets cost less
_ROUTE_FAMILY = 0  # NETLINK_ROUTE
_ADDRESS_CHANGES = 0x10  # RTMGRP_IPV4_IFADDR
_BUFFER = 1 << 16

_ERROR, _DONE = 2, 3
_NEW_LINK, _NEW_ADDRESS, _GET_ADDRESS, _NEW_ROUTE = 16, 20, 22, 24
_REQUEST, _ACKNOWLEDGE, _DUMP, _EXCLUSIVE, _CREATE = 0x1, 0x4, 0x300, 0x200, 0x400

_HEADER = struct.Struct("=IHHII")
_LINK = struct.Struct("=BxHiII")
_ADDRESS = struct.Struct("=BBBBI")
_ROUTE = struct.Struct("=BBBBBBBBI")
_ATTRIBUTE = struct.Struct("=HH")

_IFLA_NAME, _IFLA_MTU, _IFLA_INFO, _IFLA_FAMILIES, _IFLA_GROUP, _IFLA_NAMESPACE = (
    3,
    4,
    18,
    26,
    27,
    28,
)
_INFO_KIND, _INFO_DATA, _VETH_PEER = 1, 2, 1
_IPV6_ADDRESSES, _NO_ADDRESSES = 8, 1  # IFLA_INET6_ADDR_GEN_MODE, and that it makes none
_IFA_ADDRESS, _IFA_LOCAL = 1, 2
_RTA_DESTINATION, _RTA_INTERFACE, _RTA_GATEWAY = 1, 4, 5
_UP = 0x1
_MAIN_TABLE, _STATIC, _UNICAST = 254, 4, 1
_EVERYWHERE, _ON_LINK = 0, 253  # scopes
_GATEWAY_IS_ON_LINK = 0x4


class RouteSocket:
    """Asks the kernel for changes of the network namespace in which it is made; OSError when it
    refuses one."""

    def __init__(self) -> None:
        self._socket = _open()
        self._number = 0

    def __enter__(self) -> RouteSocket:
        return self

    def __exit__(self, *failure: object) -> None:
        self.close()

    def close(self) -> None:
        self._socket.close()

    def switch_on(self, index: int = LOOPBACK) -> None:
        """Let an interface be up."""
        self._change(_NEW_LINK, _LINK.pack(0, 0, index, _UP, _UP), 0)

    def keep_from_ipv6(self, index: int) -> None:
        """Let an interface give itself no address of IPv6 when it is switched on."""
        mode = _attribute(_IPV6_ADDRESSES, bytes([_NO_ADDRESSES]))
        families = _attribute(_IFLA_FAMILIES, _attribute(socket.AF_INET6, mode))
        self._change(_NEW_LINK, _LINK.pack(0, 0, index, 0, 0) + families, 0)

    def add_veth(
        self, name: str, index: int, group: int, *, peer: str, peer_index: int, namespace: int
    ) -> None:
        """A pair of interfaces without addresses: one here, which is on, and its peer in the
        network namespace of a descriptor."""
        other = (
            _LINK.pack(0, 0, peer_index, 0, 0)
            + _text(_IFLA_NAME, peer)
            + _number(_IFLA_MTU, MTU)
            + _number(_IFLA_NAMESPACE, namespace)
        )
        kind = _text(_INFO_KIND, "veth") + _attribute(_INFO_DATA, _attribute(_VETH_PEER, other))
        link = (
            _LINK.pack(0, 0, index, _UP, _UP)
            + _text(_IFLA_NAME, name)
            + _number(_IFLA_MTU, MTU)
            + _number(_IFLA_GROUP, group)
            + _attribute(_IFLA_INFO, kind)
        )
        self._change(_NEW_LINK, link, _CREATE | _EXCLUSIVE)

    def add_address(self, index: int, address: IPv4Address) -> None:
        """Give an interface an address, and no network around it."""
        body = _ADDRESS.pack(socket.AF_INET, 32, 0, 0, index)
        both = _attribute(_IFA_LOCAL, address.packed) + _attribute(_IFA_ADDRESS, address.packed)
        self._change(_NEW_ADDRESS, body + both, _CREATE | _EXCLUSIVE)

    def add_route_to(self, address: IPv4Address, index: int) -> None:
        """The way to one address is through this interface."""
        body = _ROUTE.pack(*(socket.AF_INET, 32, 0, 0, _MAIN_TABLE, _STATIC, _ON_LINK, _UNICAST, 0))
        to = _attribute(_RTA_DESTINATION, address.packed)
        self._change(_NEW_ROUTE, body + to + _number(_RTA_INTERFACE, index), _CREATE | _EXCLUSIVE)

    def add_default_route(self, gateway: IPv4Address, index: int) -> None:
        """The way to everywhere else is this gateway, behind this interface."""
        body = _ROUTE.pack(
            *(socket.AF_INET, 0, 0, 0, _MAIN_TABLE, _STATIC, _EVERYWHERE, _UNICAST),
            _GATEWAY_IS_ON_LINK,
        )
        through = _attribute(_RTA_GATEWAY, gateway.packed) + _number(_RTA_INTERFACE, index)
        self._change(_NEW_ROUTE, body + through, _CREATE | _EXCLUSIVE)

    def addresses(self) -> set[IPv4Address]:
        """Every IPv4 address of every interface here."""
        self._send(_GET_ADDRESS, _ADDRESS.pack(socket.AF_INET, 0, 0, 0, 0), _DUMP)
        found: set[IPv4Address] = set()
        while True:
            for kind, content in _messages(self._socket.recv(_BUFFER)):
                if kind == _DONE:
                    return found
                if kind == _ERROR:
                    _raise(content)
                attributes = dict(_attributes(content[_ADDRESS.size :]))
                local = attributes.get(_IFA_LOCAL, attributes.get(_IFA_ADDRESS))
                if local is not None:
                    found.add(IPv4Address(local))

    def _change(self, kind: int, body: bytes, flags: int) -> None:
        self._send(kind, body, _ACKNOWLEDGE | flags)
        for answer, content in _messages(self._socket.recv(_BUFFER)):
            if answer == _ERROR:
                _raise(content)

    def _send(self, kind: int, body: bytes, flags: int) -> None:
        self._number += 1
        size = _HEADER.size + len(body)
        self._socket.send(_HEADER.pack(size, kind, _REQUEST | flags, self._number, 0) + body)


class AddressChanges:
    """Readable whenever an address of the network namespace in which it is made has changed."""

    def __init__(self) -> None:
        self._socket = _open(_ADDRESS_CHANGES)
        self._socket.setblocking(False)

    def fileno(self) -> int:
        return self._socket.fileno()

    def forget(self) -> None:
        """Read all that has been told so far, or has been too much to be told."""
        while True:
            try:
                self._socket.recv(_BUFFER)
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise

    def close(self) -> None:
        self._socket.close()


def _open(groups: int = 0) -> socket.socket:
    opened = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _ROUTE_FAMILY)
    opened.bind((0, groups))
    return opened


def _attribute(kind: int, value: bytes) -> bytes:
    size = _ATTRIBUTE.size + len(value)
    return _ATTRIBUTE.pack(size, kind) + value + bytes(-size % 4)


def _text(kind: int, value: str) -> bytes:
    return _attribute(kind, value.encode() + b"\0")


def _number(kind: int, value: int) -> bytes:
    return _attribute(kind, struct.pack("=I", value))


def _messages(packet: bytes) -> Iterator[tuple[int, bytes]]:
    while packet:
        size, kind, *_ = _HEADER.unpack_from(packet)
        yield kind, packet[_HEADER.size : size]
        packet = packet[size + -size % 4 :]


def _attributes(content: bytes) -> Iterator[tuple[int, bytes]]:
    while content:
        size, kind = _ATTRIBUTE.unpack_from(content)
        yield kind, content[_ATTRIBUTE.size : size]
        content = content[size + -size % 4 :]


def _raise(content: bytes) -> None:
    """What the kernel answers to a change is an error too when there is none: number 0."""
    (number,) = struct.unpack_from("=i", content)
    if number:
        raise OSError(-number, f"rtnetlink: {os.strerror(-number)}")

"""A machine of a test's own, and an internet that is none: two network namespaces and a wire.

    machine ── up0 203.0.113.1 ═══ 203.0.113.254 ── internet: everything that is not the machine's

While a `PlayedMachine` is entered, this thread is on it: what it starts and what it connects to is
there. Nothing ever leaves the two. Whoever answers says where it is.
"""

from __future__ import annotations

import os
import shutil
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from lambdad.launcher import network_namespace, syscalls
from lambdad.testing.server import LocalServer
from support.ordinary_user import OrdinaryUsersServer

PUBLIC = "203.0.113.10"
PRIVATE = "10.77.0.1"
METADATA = "169.254.169.254"
MACHINE = "203.0.113.1"
MACHINE_PRIVATE = "192.168.50.1"
NAME = "service.example.com"
RESOLVER = "127.0.0.53"  # as systemd-resolved has it
PORT = 8080  # of the machine's own service
_TOOLS = {"slirp4netns": "slirp4netns", "nft": "nftables", "ip": "iproute2"}
_ELSEWHERE = (PUBLIC, PRIVATE, METADATA, "203.0.113.254/24")


def require_tools() -> None:
    """Skips (in CI: fails) without what egress, or this file, needs."""
    for tool, package in _TOOLS.items():
        if shutil.which(tool) is None:
            reason = f"{tool} is not installed (the package {package})"
            pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)


@contextmanager
def played_machine() -> Iterator[None]:
    """Be on such a machine."""
    require_tools()
    with ExitStack() as parts:
        machine, internet = network_namespace.make(), network_namespace.make()
        for namespace in (machine, internet):
            parts.callback(os.close, namespace)
        with _inside(machine):
            ip("link set lo up")
            ip(f"address add {MACHINE_PRIVATE}/32 dev lo")
            ip("link add up0 type veth peer name down0")
            ip(f"link set down0 netns /proc/self/fd/{internet}", internet)
            ip(f"address add {MACHINE}/24 dev up0")
            ip("link set up0 up")
            ip("route add default via 203.0.113.254")
            parts.enter_context(_answering("machine", "0.0.0.0", PORT))
            parts.enter_context(_resolving())
        with _inside(internet):
            ip("link set lo up")
            ip("link set down0 up")
            for address in _ELSEWHERE:
                ip(f"address add {address} dev down0")
            for address in (PUBLIC, PRIVATE, METADATA):
                parts.enter_context(_answering(address, address, 80))
        with _inside(machine):
            yield


@contextmanager
def _inside(namespace: int) -> Iterator[None]:
    """Be in a network namespace for a while, with the thread that runs the tests."""
    with open("/proc/thread-self/ns/net") as home:
        syscalls.setns(namespace, syscalls.CLONE_NEWNET)
        try:
            yield
        finally:
            syscalls.setns(home.fileno(), syscalls.CLONE_NEWNET)


def ip(command: str, *descriptors: int) -> str:
    """What `ip` answers where we are."""
    return run("ip", *command.split(), descriptors=descriptors)


def run(*command: str, descriptors: Sequence[int] = ()) -> str:
    """What a program answers where we are."""
    done = subprocess.run(command, check=True, pass_fds=descriptors, capture_output=True, text=True)
    return done.stdout


@contextmanager
def _answering(name: str, address: str, port: int) -> Iterator[None]:
    """Says its name to whoever connects."""

    def answer(connection: socket.socket) -> None:
        connection.sendall(f"{name}\n".encode())

    with _listening(address, port, answer):
        yield


@contextmanager
def _resolving() -> Iterator[None]:
    """Knows one name, by UDP and by TCP."""

    def answer(connection: socket.socket) -> None:
        size = int.from_bytes(connection.recv(2), "big")
        reply = _dns_answer(connection.recv(size))
        connection.sendall(len(reply).to_bytes(2, "big") + reply)

    datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    datagrams.bind((RESOLVER, 53))

    def serve() -> None:
        while True:
            query, who = datagrams.recvfrom(4096)
            if not query:
                return
            datagrams.sendto(_dns_answer(query), who)

    with datagrams, _listening(RESOLVER, 53, answer):
        thread = threading.Thread(target=serve)
        thread.start()
        yield
        datagrams.sendto(b"", (RESOLVER, 53))
        thread.join()


def _dns_answer(query: bytes) -> bytes:
    """The address of NAME, when that is what is asked for; no such name otherwise."""
    end = query.index(b"\0", 12) + 5
    labels = b"".join(bytes([len(part)]) + part.encode() for part in NAME.split("."))
    is_known = query[12 : end - 5] == labels
    is_ipv4 = query[end - 4 : end - 2] == b"\0\1"
    found = b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 5, 4) + socket.inet_aton(PUBLIC)
    has_answer = is_known and is_ipv4
    flags = 0x8180 if is_known else 0x8183
    counts = struct.pack(">HHHHH", flags, 1, int(has_answer), 0, 0)
    return query[:2] + counts + query[12:end] + (found if has_answer else b"")


@contextmanager
def _listening(address: str, port: int, answer: Callable[[socket.socket], None]) -> Iterator[None]:
    listener = socket.create_server((address, port))

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                answer(connection)

    with listener:
        thread = threading.Thread(target=serve)
        thread.start()
        yield
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


class MachinesServer(LocalServer):
    """`lambdad serve` on the machine on which we are, whose resolver listens on loopback."""

    def _command(self) -> list[str]:
        return [*on_a_common_machine(Path(self.data_dir)), *super()._command()]


class MachinesOrdinaryServer(OrdinaryUsersServer):
    """The same, run by an ordinary user."""

    def _command(self) -> list[str]:
        return [*on_a_common_machine(Path(self.data_dir)), *super()._command()]


def on_a_common_machine(directory: Path) -> list[str]:
    """What stands before a command for which the machine's /etc/resolv.conf names RESOLVER, and
    for which everybody may make interfaces, as udev has it."""
    file = directory / "machines-resolv.conf"
    file.write_text(f"nameserver {RESOLVER}\n")
    script = f"""
        mount --bind {file} /etc/resolv.conf &&
        mount -t tmpfs -o mode=755 played /dev/net &&
        mknod -m 666 /dev/net/tun c 10 200 &&
        exec "$@"
    """
    return ["unshare", "--mount", "sh", "-c", script, sys.argv[0]]


def make_server(data_dir: Path | None = None, *, rootless: bool = False, **settings: Any) -> Any:
    """A server there that is not started yet."""
    kind = MachinesOrdinaryServer if rootless else MachinesServer
    return kind(data_dir, **settings)

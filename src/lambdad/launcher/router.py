"""A network namespace that stands between sandboxes and the world.

    sandbox eth0 ══ veth ══ router: rules, masquerade ── uplink ── slirp4netns, on the host

It has no name and nothing of it is on the host: it ends with the descriptor that we hold and with
the uplink, however we end, and each pair of interfaces ends with its sandbox's network namespace.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from ipaddress import IPv4Address
from pathlib import Path

from lambdad.launcher import network_namespace
from lambdad.launcher.egress_rules import GROUPS, machine_addresses, ruleset
from lambdad.launcher.loop import Loop
from lambdad.launcher.rtnetlink import LOOPBACK, AddressChanges, RouteSocket
from lambdad.launcher.uplink import RESOLVER, Uplink

# 198.18.0.0/15 is for benchmarks: no network that a function may want to reach has these.
_FIRST = IPv4Address("198.18.0.1")
_SANDBOXES = 130_000
_GATEWAY = IPv4Address("198.19.255.1")
_FIRST_INDEX = 1_000  # of the router's interfaces; those below are the kernel's to give
_SANDBOX_INDEX = 1_000
_SYSCTL = Path("/proc/sys/net")
_SWITCHES = {
    "ipv4/ip_forward": "1",
    "ipv4/conf/default/rp_filter": "1",  # whose address it is not, is not heard
    "ipv6/conf/all/disable_ipv6": "1",
    "ipv6/conf/default/disable_ipv6": "1",
}


class Router:
    """One router, with its uplink; OSError when this machine does not allow one."""

    def __init__(
        self, loop: Loop, programs: dict[str, str], allowed: Sequence[str], *, reaches_host: bool
    ) -> None:
        self._loop = loop
        self._nft = programs["nft"]
        self._namespace = network_namespace.make()
        network_namespace.visit(self._namespace, _set_switches)
        self._links = network_namespace.visit(self._namespace, RouteSocket)
        self._host_links = RouteSocket()
        self._links.switch_on(LOOPBACK)
        self._links.add_address(LOOPBACK, _GATEWAY)
        self._apply(ruleset(RESOLVER, allowed))
        self._changes = AddressChanges()  # before the first look, so that none is missed
        self._keep_machine_addresses()
        self._loop.watch(self._changes.fileno(), self._keep_machine_addresses)
        self._uplink = Uplink(
            loop, programs["slirp4netns"], self._namespace, reaches_loopback=reaches_host
        )
        self._uplink.start()

    def connect(self, namespace: int, number: int, level: str) -> None:
        """Give a sandbox's network namespace its way here; no two that live have one `number`."""
        if not self._uplink.is_up:
            raise OSError("there is no egress just now: slirp4netns is being started again")
        at = number % _SANDBOXES
        index, address = _FIRST_INDEX + at, _FIRST + at
        self._links.add_veth(
            f"s{index}",
            index,
            GROUPS[level],
            peer="eth0",
            peer_index=_SANDBOX_INDEX,
            namespace=namespace,
        )
        self._links.add_route_to(address, index)
        with network_namespace.visit(namespace, RouteSocket) as links:
            links.keep_from_ipv6(_SANDBOX_INDEX)
            links.switch_on(_SANDBOX_INDEX)
            links.add_address(_SANDBOX_INDEX, address)
            links.add_default_route(_GATEWAY, _SANDBOX_INDEX)

    def close(self) -> None:
        """End the uplink; the rest ends with its descriptors."""
        self._uplink.close()
        self._loop.forget(self._changes.fileno())
        for each in (self._changes, self._links, self._host_links):
            each.close()
        os.close(self._namespace)

    def _keep_machine_addresses(self) -> None:
        self._changes.forget()
        self._apply(machine_addresses(self._host_links.addresses()))

    def _apply(self, rules: str) -> None:
        def apply() -> subprocess.CompletedProcess[str]:
            return subprocess.run(  # noqa: S603 - a program of the system's, and rules of ours
                [self._nft, "-f", "-"], input=rules, capture_output=True, text=True, check=False
            )

        done = network_namespace.visit(self._namespace, apply)
        if done.returncode:
            raise OSError(f"nft: {(done.stderr.strip() or 'failed').splitlines()[0]}")


def _set_switches() -> None:
    for name, value in _SWITCHES.items():
        switch = _SYSCTL / name
        if switch.exists():  # a kernel may be without IPv6
            switch.write_text(value)

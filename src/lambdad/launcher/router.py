"""A network namespace that stands between sandboxes and the world.

    sandbox eth0 ══ veth ══ router: rules, masquerade ── uplink ── slirp4netns, on the host

It has no name and nothing of it is on the host: it ends with the descriptor that we hold and with
the uplink, however we end, and each pair of interfaces ends with its sandbox's network namespace.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from functools import partial
from ipaddress import IPv4Address
from pathlib import Path

from lambdad.launcher import network_namespace
from lambdad.launcher.egress_rules import GROUPS, machine_addresses, ruleset
from lambdad.launcher.loop import Loop
from lambdad.launcher.rtnetlink import LOOPBACK, AddressChanges, RouteSocket
from lambdad.launcher.uplink import NETWORK, RESOLVER, Uplink

# 198.18.0.0/15 is for benchmarks: no network that a function may want to reach has these.
_FIRST = IPv4Address("198.18.0.1")
_SANDBOXES = 130_000
_GATEWAY = IPv4Address("198.19.255.1")
_FIRST_INDEX = 1_000  # of the router's interfaces; those below are the kernel's to give
_SANDBOX_INDEX = 1_000
_AGAIN_SECONDS = 1.0
_SYSCTL = Path("/proc/sys/net")
_SWITCHES = {
    "ipv4/ip_forward": "1",
    # Whose address it is not, is not heard; of the two values for each interface the larger holds.
    "ipv4/conf/default/rp_filter": "1",
    "ipv4/conf/all/rp_filter": "1",
    "ipv4/conf/all/route_localnet": "0",
    "ipv4/conf/all/accept_local": "0",
    "ipv4/conf/all/accept_source_route": "0",
    "ipv4/icmp_ratemask": "0",  # whoever is refused hears it at once, every time
    "ipv6/conf/all/disable_ipv6": "1",
    "ipv6/conf/default/disable_ipv6": "1",
}
# Known once there are rules. What is over must not count among a sandbox's connections for long.
_SWITCHES_OF_RULES = {"netfilter/nf_conntrack_tcp_timeout_time_wait": "10"}
_NFT_SECONDS = 10


class Router:
    """One router, with its uplink; OSError when this machine does not allow one.

    `allowed` are private networks, `front_door` is the server's own port, and `reaches_host` tells
    whether the host's loopback is to be had at all.
    """

    def __init__(
        self,
        loop: Loop,
        programs: Mapping[str, str],
        *,
        allowed: Sequence[str],
        front_door: int,
        reaches_host: bool,
    ) -> None:
        self._loop = loop
        self._nft = programs["nft"]
        with ExitStack() as opened:
            self._namespace = network_namespace.make()
            opened.callback(os.close, self._namespace)
            self._links = network_namespace.visit(self._namespace, RouteSocket)
            opened.callback(self._links.close)
            self._lay_out(ruleset(NETWORK, RESOLVER, front_door, allowed))
            self._watch_machine(opened)
            self._uplink = Uplink(
                loop, programs["slirp4netns"], self._namespace, reaches_loopback=reaches_host
            )
            self._uplink.start()
            opened.callback(self._uplink.close)
            self._opened = opened.pop_all()

    @property
    def is_up(self) -> bool:
        """Whether there is a way out just now."""
        return self._uplink.is_up

    def connect(self, namespace: int, number: int, level: str) -> None:
        """Give a sandbox's network namespace its way here; no two that live have one `number`."""
        if not self.is_up:
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
        self._opened.close()

    def _lay_out(self, rules: str) -> None:
        network_namespace.visit(self._namespace, partial(_set_switches, _SWITCHES))
        self._links.switch_on(LOOPBACK)
        self._links.add_address(LOOPBACK, _GATEWAY)
        self._apply(rules)
        network_namespace.visit(self._namespace, partial(_set_switches, _SWITCHES_OF_RULES))

    def _watch_machine(self, opened: ExitStack) -> None:
        """Keep the rules informed of what addresses this machine has."""
        self._machine = opened.enter_context(RouteSocket())
        self._changes = opened.enter_context(closing(AddressChanges()))  # before the first look
        self._keep_machine_addresses()
        self._loop.watch(self._changes.fileno(), self._addresses_changed)
        opened.callback(self._loop.forget, self._changes.fileno())

    def _addresses_changed(self) -> None:
        self._changes.forget()
        try:
            self._keep_machine_addresses()
        except OSError as error:
            print(f"lambdad: egress: this machine has new addresses: {error}", file=sys.stderr)
            self._loop.call_later(_AGAIN_SECONDS, self._addresses_changed)

    def _keep_machine_addresses(self) -> None:
        self._apply(machine_addresses(self._machine.addresses()))

    def _apply(self, rules: str) -> None:
        def apply() -> subprocess.CompletedProcess[str]:
            return subprocess.run(  # noqa: S603 - a program of the system's, and rules of ours
                [self._nft, "-f", "-"],
                input=rules,
                capture_output=True,
                text=True,
                check=False,
                timeout=_NFT_SECONDS,
            )

        try:
            done = network_namespace.visit(self._namespace, apply)
        except subprocess.TimeoutExpired:
            raise OSError("nft does not come to an end") from None
        if done.returncode:
            raise OSError(f"nft: {(done.stderr.strip() or 'failed').splitlines()[0]}")


def _set_switches(switches: Mapping[str, str]) -> None:
    for name, value in switches.items():
        switch = _SYSCTL / name
        if switch.exists():  # a kernel may be without IPv6, and a user without some
            switch.write_text(value)

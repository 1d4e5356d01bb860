"""What a router lets through, as a ruleset of nftables.

    from a sandbox   ─▶ never to the link-local, another sandbox, or our own front door, where a
                        function would be as good as the operator
       of `host`     ─▶ everything else
       of `internet` ─▶ the resolver, and what is neither of this machine nor private, unless the
                        operator lists it
    from outside     ─▶ answers alone
    to the router    ─▶ nothing

Which of the two a sandbox is, tells the group of its interface: nothing that it sends can change
that. IPv6 is dropped. Connections are counted, so that no sandbox fills the table that all have
among them. Source ports are chosen at random: the uplink tells flows of UDP apart by nothing else,
and no sandbox may choose to share one with another's question to the resolver.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network

UPLINK = "uplink"
GROUPS = {"internet": 1, "host": 2}
CONNECTIONS = 1024  # of one sandbox at once: as many as a process of it may open

# Beside the link-local, where most clouds have them: metadata and other services of the machine's
# own cloud, which take the machine's word for who asks (Alibaba, Azure, Oracle).
_NEVER = ("169.254.0.0/16", "100.100.100.200/32", "168.63.129.16/32", "192.0.0.192/32")
_PRIVATE = (
    *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "172.16.0.0/12"),
    *("192.0.0.0/24", "192.168.0.0/16", "198.18.0.0/15", "224.0.0.0/4", "240.0.0.0/4"),
)


def ruleset(
    loopback: IPv4Network, resolver: IPv4Address, front_door: int, allowed: Sequence[str]
) -> str:
    """All of it, for an empty network namespace.

    `loopback` are the addresses that the uplink takes for the host's loopback, where our own port
    is `front_door`; one of them is the `resolver`. `allowed` are the networks of the operator.
    """
    return f"""
table inet egress {{
  set machine {{ type ipv4_addr; }}
  set never {{ type ipv4_addr; flags interval; {_elements(_NEVER)} }}
  set private {{ type ipv4_addr; flags interval; {_elements(_PRIVATE)} }}
  set connections {{ type ipv4_addr; size 131072; flags dynamic; }}
  set allowed {{ type ipv4_addr; flags interval; auto-merge; {_elements(allowed)} }}

  chain input {{
    type filter hook input priority filter; policy drop;
  }}
  chain forward {{
    type filter hook forward priority filter; policy drop;
    meta nfproto != ipv4 drop
    iifname "{UPLINK}" ct state established,related accept
    iifname "{UPLINK}" drop
    oifname != "{UPLINK}" goto refused
    ip daddr @never goto refused
    ip daddr {loopback} tcp dport {front_door} goto refused
    ct state new add @connections {{ ip saddr ct count over {CONNECTIONS} }} goto refused
    iifgroup {GROUPS["host"]} accept
    iifgroup {GROUPS["internet"]} goto internet
  }}
  chain internet {{
    ip daddr {resolver} meta l4proto {{ tcp, udp }} th dport 53 accept
    ip daddr {loopback} goto refused
    ip daddr @machine goto refused
    ip daddr @allowed accept
    ip daddr @private goto refused
    ip version 4 accept
  }}
  chain refused {{
    meta nfproto ipv4 reject with icmp admin-prohibited
    drop
  }}
  chain postrouting {{
    type nat hook postrouting priority srcnat;
    oifname "{UPLINK}" masquerade fully-random
  }}
}}
"""


def machine_addresses(addresses: Iterable[IPv4Address]) -> str:
    """The change after which these are the machine's own addresses."""
    listed = ", ".join(str(address) for address in sorted(addresses))
    added = f"add element inet egress machine {{ {listed} }}\n" if listed else ""
    return f"flush set inet egress machine\n{added}"


def _elements(networks: Sequence[str]) -> str:
    return f"elements = {{ {', '.join(networks)} }}" if networks else ""

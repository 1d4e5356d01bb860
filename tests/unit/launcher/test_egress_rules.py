"""The order of the rules of egress, where it decides; what they do is tested with real packets."""

from __future__ import annotations

from lambdad.launcher.egress_rules import ruleset
from lambdad.launcher.uplink import NETWORK, RESOLVER


def test_what_the_operator_lists_never_opens_the_loopback_of_this_machine() -> None:
    rules = ruleset(NETWORK, RESOLVER, 4566, ["0.0.0.0/0"])
    refused = rules.index(f"ip daddr {NETWORK} goto refused")
    assert rules.index("th dport 53 accept") < refused < rules.index("ip daddr @allowed accept")


def test_nothing_but_ipv4_comes_to_the_rules_that_accept() -> None:
    rules = ruleset(NETWORK, RESOLVER, 4566, [])
    assert rules.index("meta nfproto != ipv4 drop") < rules.index(
        "accept", rules.index("forward {")
    )

"""How far a sandbox reaches: what is asked for, within what there is."""

from __future__ import annotations

from contextlib import ExitStack
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest

from lambdad.config import Config
from lambdad.errors import SettingsError
from lambdad.launcher import egress
from lambdad.launcher.egress import Egress
from lambdad.launcher.egress_rules import machine_addresses
from lambdad.launcher.loop import Loop


class PlayedRouter:
    """Remembers whom it has connected, and how."""

    def __init__(self) -> None:
        self.connected: list[tuple[int, int, str]] = []

    def connect(self, namespace: int, number: int, level: str) -> None:
        self.connected.append((namespace, number, level))


@pytest.mark.parametrize(
    ("most", "asked", "level"),
    [
        ("internet", "", "internet"),
        ("internet", "internet", "internet"),
        ("internet", "host", "internet"),
        ("internet", "none", None),
        ("host", "", "host"),
        ("host", "internet", "internet"),
        ("host", "what nobody knows", None),
    ],
)
def test_a_sandbox_has_what_it_asks_for_if_there_is_so_much(
    tmp_path: Path, most: str, asked: str, level: str | None
) -> None:
    # Given
    router: Any = PlayedRouter()
    # When
    Egress(router, most, tmp_path / "resolv.conf").connect(asked, 1001, 5)
    # Then
    assert router.connected == ([] if level is None else [(5, 1001, level)])


def test_without_egress_a_sandbox_has_the_resolver_that_all_have(tmp_path: Path) -> None:
    router: Any = PlayedRouter()
    with ExitStack() as opened:
        made = Egress(router, "internet", tmp_path / "resolv.conf").open_files("none", opened)
    assert made == {}


def test_without_the_setting_there_is_none(loop: Loop, tmp_path: Path) -> None:
    assert egress.open_egress(Config.load({}, {}), loop, 4566, tmp_path) is None


def test_a_program_that_is_missing_is_named_with_its_package(
    loop: Loop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given
    monkeypatch.setattr("lambdad.launcher.egress_programs._SYSTEM_PATH", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    config = Config.load({"egress": "internet"}, {})
    # Then
    with pytest.raises(SettingsError, match=r"egress: slirp4netns is not installed.*apt-get"):
        egress.open_egress(config, loop, 4566, tmp_path)


def test_addresses_of_the_machine_replace_those_before() -> None:
    addresses = [IPv4Address("203.0.113.2"), IPv4Address("127.0.0.1")]
    assert machine_addresses(addresses).splitlines() == [
        "flush set inet egress machine",
        "add element inet egress machine { 127.0.0.1, 203.0.113.2 }",
    ]


def test_a_machine_without_addresses_has_none() -> None:
    assert machine_addresses([]).splitlines() == ["flush set inet egress machine"]

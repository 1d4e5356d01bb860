"""Functions that look around and attack, in an environment each, for all tests of this folder."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))

from lambdad.testing.server import LocalServer
from support.functions import DeployedFunction
from support.probes import Probe

FindProbe = Callable[..., Probe]


@pytest.fixture(scope="session")
def find_probe(deploy: Callable[..., DeployedFunction]) -> FindProbe:
    """The probe of that name on a server; it is deployed once, and keeps its environment."""
    probes: dict[tuple[str, str], Probe] = {}

    def find_probe(server: LocalServer, name: str, **settings: str) -> Probe:
        key = (server.url, name)
        if key not in probes:
            function = deploy(server, "probe", MemorySize=1024, Timeout=30, **settings)
            probes[key] = Probe(function)
        return probes[key]

    return find_probe


@pytest.fixture
def probe(server: LocalServer, find_probe: FindProbe) -> Probe:
    """A function in its own environment."""
    return find_probe(server, "probe")


@pytest.fixture
def neighbour(server: LocalServer, find_probe: FindProbe) -> Probe:
    """Another function of the same account, in another environment of the same zygote."""
    return find_probe(server, "neighbour")


@pytest.fixture
def stranger(server: LocalServer, find_probe: FindProbe) -> Probe:
    """A function of another account."""
    return find_probe(server, "stranger", access_key_id="999999999999")

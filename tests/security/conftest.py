"""Functions that look around and attack, in an environment each, for all tests of this folder."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lambdad.testing.server import LocalServer
from support.functions import DeployedFunction
from support.probes import Probe


@pytest.fixture(scope="session")
def probe(namespaces_server: LocalServer, deploy: Callable[..., DeployedFunction]) -> Probe:
    """A function in its own environment."""
    return Probe(deploy(namespaces_server, "probe", MemorySize=1024, Timeout=30))


@pytest.fixture(scope="session")
def neighbour(namespaces_server: LocalServer, deploy: Callable[..., DeployedFunction]) -> Probe:
    """Another function of the same account, in another environment of the same zygote."""
    return Probe(deploy(namespaces_server, "probe", MemorySize=1024, Timeout=30))


@pytest.fixture(scope="session")
def stranger(namespaces_server: LocalServer, deploy: Callable[..., DeployedFunction]) -> Probe:
    """A function of another account."""
    function = deploy(namespaces_server, "probe", access_key_id="999999999999", Timeout=30)
    return Probe(function)

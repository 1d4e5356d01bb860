"""The kinds of sandboxes on which a test runs: all, unless it says otherwise."""

from __future__ import annotations

import pytest
from sandbox_bench import (
    make_namespaces,
    make_process,
    make_stub,
    make_with_version1_freezer,
    make_without_cgroups,
)
from user_namespace_run import IN_USER_NAMESPACE

from lambdad.launcher.pool import WAITING_MB

POOL_MB = 2 * WAITING_MB
_ISOLATED = [pytest.mark.root, pytest.mark.slow]

STUB = pytest.param((make_stub, 0), id="stub")
PROCESS = pytest.param((make_process, 0), id="process", marks=pytest.mark.slow)
NAMESPACES = pytest.param((make_namespaces, 0), id="namespaces", marks=_ISOLATED)
POOLED = pytest.param((make_namespaces, POOL_MB), id="pooled", marks=_ISOLATED)
ROOMY = pytest.param((make_namespaces, 20 * WAITING_MB), id="roomy", marks=_ISOLATED)

FREEZER = pytest.param((make_with_version1_freezer, 0), id="version1-freezer", marks=_ISOLATED)
BARE = pytest.param((make_without_cgroups, 0), id="without-cgroups", marks=_ISOLATED)

# Without root there are cgroups only where somebody has delegated some.
needs_cgroups = pytest.mark.skipif(
    bool(IN_USER_NAMESPACE), reason="no cgroups are delegated to this user"
)

EVERY_KIND = [STUB, PROCESS, NAMESPACES, POOLED]
on_every_freezer = pytest.mark.parametrize(
    "bench", [PROCESS, NAMESPACES, FREEZER, BARE], indirect=True
)
on_real_ones = pytest.mark.parametrize("bench", [PROCESS, NAMESPACES], indirect=True)
on_namespaces = pytest.mark.parametrize("bench", [NAMESPACES], indirect=True)
on_roomy_ones = pytest.mark.parametrize("bench", [ROOMY], indirect=True)
on_pooled_ones = pytest.mark.parametrize("bench", [POOLED], indirect=True)

"""The kinds of sandboxes on which a test runs: all, unless it says otherwise."""

from __future__ import annotations

import pytest
from sandbox_bench import make_namespaces, make_process, make_stub

POOL_MB = 8  # two that wait
_ISOLATED = [pytest.mark.root, pytest.mark.slow]

STUB = pytest.param((make_stub, 0), id="stub")
PROCESS = pytest.param((make_process, 0), id="process", marks=pytest.mark.slow)
NAMESPACES = pytest.param((make_namespaces, 0), id="namespaces", marks=_ISOLATED)
POOLED = pytest.param((make_namespaces, POOL_MB), id="pooled", marks=_ISOLATED)

EVERY_KIND = [STUB, PROCESS, NAMESPACES, POOLED]
on_real_ones = pytest.mark.parametrize("bench", [PROCESS, NAMESPACES], indirect=True)
on_namespaces = pytest.mark.parametrize("bench", [NAMESPACES], indirect=True)
on_pooled_ones = pytest.mark.parametrize("bench", [POOLED], indirect=True)

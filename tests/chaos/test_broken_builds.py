"""The checker can fail: it finds the mistakes that are put into a build."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from broken_builds import ACKNOWLEDGED_BEFORE_COMMIT, NO_FENCE_CHECK, broken_build
from campaign import Campaign, deploy, settings, wage_one
from checker import Rule, find_fence_violations
from evidence import history_directory
from history import Kind
from load import Traffic
from two_claimers import contend

from lambdad.testing.server import LocalServer

StartServer = Callable[..., LocalServer]
pytestmark = pytest.mark.slow
BACKLOGGED = (Traffic("backlogged", 1, 0.4, reserved=1),)


@pytest.fixture
def directory() -> Iterator[Path]:
    """One that the processes of a server may pass."""
    with history_directory() as directory:
        yield directory


def test_it_finds_a_queue_that_does_not_look_at_fences(tmp_path: Path) -> None:
    environ = broken_build(tmp_path, NO_FENCE_CHECK)

    violations = find_fence_violations(*contend(tmp_path / "state.db", environ))

    assert {violation.rule for violation in violations} == {Rule.STALE, Rule.SETTLED_TWICE}


@pytest.mark.root
def test_it_finds_a_server_that_answers_before_the_commit(
    start_server: StartServer, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given
    for name, value in broken_build(directory.parent, ACKNOWLEDGED_BEFORE_COMMIT).items():
        monkeypatch.setenv(name, value)
    server = start_server(**settings(directory))
    deploy(server, BACKLOGGED)
    # When
    step = wage_one(Campaign(server, directory, 1, BACKLOGGED), Kind.LAUNCHER, seconds=0.3)
    # Then
    assert {violation.rule for violation in step.violations} == {Rule.LOST}

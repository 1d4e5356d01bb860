"""A short campaign of faults; `make chaos` wages a long one."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from campaign import TRAFFIC, Campaign, deploy, settings, wage
from checker import find_violations, most_at_once
from evidence import history_directory
from history import Kind

from lambdad.testing.server import LocalServer

StartServer = Callable[..., LocalServer]
pytestmark = [pytest.mark.slow, pytest.mark.root]
SEED = 20260101


@pytest.fixture
def history() -> Iterator[Path]:
    with history_directory() as directory:
        yield directory


def test_no_event_is_lost_whatever_is_killed(start_server: StartServer, history: Path) -> None:
    # Given
    server = start_server(**settings(history))
    deploy(server, TRAFFIC)
    kinds = [Kind.LAUNCHER, Kind.ENVIRONMENT, Kind.NODE, Kind.STOP, Kind.ZYGOTE]
    # When
    seen, steps = wage(Campaign(server, history, SEED), kinds, seconds=0.5, rate=80)
    # Then
    assert [violation for step in steps for violation in step.violations] == []
    assert find_violations(seen) == []
    assert len(seen.accepted) > 100
    assert most_at_once(seen, "reserved") > 1

"""Who has lost his claim to another settles nothing."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from checker import find_fence_violations
from two_claimers import EVENTS, contend

pytestmark = pytest.mark.slow


def test_a_process_that_was_stopped_longer_than_its_lease_settles_nothing(tmp_path: Path) -> None:
    claimed, settled = contend(tmp_path / "state.db")

    assert find_fence_violations(claimed, settled) == []
    accepted = [end for end in settled if end.was_accepted]
    refused = [end for end in settled if not end.was_accepted]
    assert len(accepted) == EVENTS
    assert {end.by for end in accepted} == {"second"}
    assert {end.by for end in refused} == {"first"}

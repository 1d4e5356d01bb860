"""On a full disk events are refused, and those that were accepted before are still run."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from campaign import TRAFFIC, Campaign, deploy, settings
from checker import find_violations
from evidence import history_directory
from faults import filled, kill, small_disk
from history import Answer, Fault, Kind

from lambdad.testing.server import LocalServer
from support.processes import node_of
from support.waiting import wait_until

StartServer = Callable[..., LocalServer]
pytestmark = [pytest.mark.slow, pytest.mark.root]
MEGABYTES = 128  # of which a copy of the runtime takes some 50
REFUSALS = 20


@pytest.fixture
def history() -> Iterator[Path]:
    with history_directory() as directory:
        yield directory


@pytest.fixture
def disk(history: Path) -> Iterator[Path]:
    """A small file system that holds all that the server keeps."""
    directory = history.parent / "disk"
    directory.mkdir()
    with small_disk(directory, MEGABYTES):
        yield directory


def test_a_full_disk_refuses_events_and_loses_none(
    disk: Path, history: Path, start_server: StartServer
) -> None:
    # Given
    (disk / "data").mkdir()
    server = start_server(disk / "data", **settings(history))
    deploy(server, TRAFFIC)
    campaign = Campaign(server, history, 1)
    with campaign.load(rate=80) as load:
        wait_until(lambda: len(load.sent) > 50, "events are accepted")
        # When the disk is full for a while
        began = time.monotonic()
        with filled(disk):
            wait_until(
                lambda: sum(s.answer is Answer.REFUSED for s in load.sent) > REFUSALS,
                "events are refused",
            )
            # And the node has to start on it
            killed = kill(Kind.NODE, node_of(server))
            wait_until(lambda: "Events cannot be kept" in server.log, "the next node waits")
        fault = Fault(Kind.FULL_DISK, began, time.monotonic())
        # Then it serves again
        campaign.wait_until_recovered(load, fault)
        seen = campaign.finish(load, [fault, killed])
    assert find_violations(seen) == []
    refused = {sent.error for sent in seen.sent if sent.answer is Answer.REFUSED}
    assert refused == {"500 ServiceException"}

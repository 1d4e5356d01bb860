"""Makes the conformance tests' way of calling a gateway known here, and brings the event loops."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import uvloop

sys.path.insert(0, str(Path(__file__).parents[2] / "conformance"))


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """What touches sockets is tested on the server's own loop too."""
    loops = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
    with_sockets = (
        *("test_arrivals", "test_connection", "test_outbox", "test_server"),
        *("test_streamed_answers", "test_tls"),
    )
    if item.path.stem not in with_sockets:
        del loops["uvloop"]
    elif item.get_closest_marker("servers_loop_only"):
        del loops["asyncio"]
    return loops

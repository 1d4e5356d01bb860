"""Whatever a server is sent, it answers, and never that it failed; and it does not grow.

`make fuzz` sends 100,000 requests; the suite sends fewer. A failure tells its seed: FUZZ_SEED=…
sends the same again.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import psutil
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from malformed import Malformed, Message
from wire import Wire

from lambdad.testing.server import LocalServer
from support.clients import make_client
from support.functions import RUNTIME
from support.packages import make_zip

REQUESTS = int(os.environ.get("FUZZ_REQUESTS", "3000"))
SEED = int(os.environ.get("FUZZ_SEED", "20260101"))
CONNECTIONS = 4
ANSWER_SECONDS = 60
WARM_UP = 0.3  # of the requests; caches fill in the meantime
MAY_GROW_MB = 48

pytestmark = [pytest.mark.slow, pytest.mark.timeout(7_200)]


def failures(server: LocalServer, seed: int, count: int) -> list[str]:
    """Send `count` requests over one connection; what was answered wrongly, or not at all."""
    malformed, wrong = Malformed(seed), []
    with Wire(server.url, timeout=ANSWER_SECONDS) as wire:
        for number in range(count):
            message = malformed.request()
            try:
                reply = wire.send(
                    message.to_bytes(),
                    is_last=not message.is_http,
                    is_head=message.method == "HEAD",
                )
            except TimeoutError:
                wrong.append(f"seed {seed}, number {number}: no answer to {_shown(message)}")
                continue
            if not message.is_http:
                wire.hang_up()
            if reply.status >= 500 and reply.status not in (501, 502):
                wrong.append(f"seed {seed}, number {number}: {reply} to {_shown(message)}")
            if reply.status == 0 and message.is_http and message.method.isupper():
                wrong.append(f"seed {seed}, number {number}: hung up on {_shown(message)}")
    return wrong


def send_from_all_sides(server: LocalServer, seed: int, count: int) -> list[str]:
    """The same over several connections at once."""
    with ThreadPoolExecutor(CONNECTIONS) as threads:
        share = partial(failures, server, count=count // CONNECTIONS)
        seeds = range(seed, seed + CONNECTIONS)
        return [line for wrong in threads.map(lambda own: share(seed=own), seeds) for line in wrong]


def make_functions(server: LocalServer) -> None:
    """What the requests name, so that many of them get past the first checks."""
    client = make_client("lambda", server.url)
    package = make_zip({"app.py": "def handler(event, context): return event"})
    for name in ("fuzz-1", "fuzz-2"):
        client.create_function(
            FunctionName=name,
            Runtime=RUNTIME,
            Handler="app.handler",
            Role="arn:aws:iam::000000000000:role/fuzz",
            Code={"ZipFile": package},
            Publish=True,
        )
        client.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    client.publish_layer_version(LayerName="fuzz", Content={"ZipFile": package})
    client.close()


def memory_mb(server: LocalServer) -> float:
    """What the node holds."""
    node = next(
        child
        for child in psutil.Process(server.pid).children(recursive=True)
        if "lambdad.node" in child.cmdline()
    )
    return float(node.memory_info().rss) / 2**20


def test_no_request_makes_the_server_fail_hang_or_grow(
    start_server: Callable[..., LocalServer],
) -> None:
    # Given a server whose caches are warm
    server = start_server(sandbox="process")
    make_functions(server)
    first = int(REQUESTS * WARM_UP)
    wrong = send_from_all_sides(server, SEED, first)
    before = memory_mb(server)
    # When
    wrong += send_from_all_sides(server, SEED + CONNECTIONS, REQUESTS - first)
    # Then
    assert not wrong, "\n".join(wrong[:20])
    assert "Traceback" not in server.log
    assert memory_mb(server) - before < MAY_GROW_MB


def _shown(message: Message) -> str:
    return f"{message.operation}: {message.to_bytes()[:600]!r}"

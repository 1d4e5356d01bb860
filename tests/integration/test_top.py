"""As an operator I see live what functions do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable

import pytest

from lambdad.testing.server import LocalServer
from support.clients import ENVIRONMENT
from support.functions import DeployedFunction

MakeFunction = Callable[..., DeployedFunction]
pytestmark = pytest.mark.slow


def top(server: LocalServer, *arguments: str) -> str:
    return subprocess.run(
        [sys.executable, "-m", "lambdad.cli.main", "top", "--once", *arguments],
        env={**os.environ, **ENVIRONMENT, "AWS_ENDPOINT_URL": server.url},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    ).stdout


def test_what_runs_is_shown_by_the_second(server: LocalServer, make_function: MakeFunction) -> None:
    # Given a function that is invoked all the time
    function = make_function("echo")
    function.invoke()
    is_over = threading.Event()

    def keep_busy() -> None:
        while not is_over.is_set():
            function.invoke()

    crowd = threading.Thread(target=keep_busy)
    crowd.start()
    try:
        # When
        found = json.loads(top(server, "--json"))["functions"]
        table = top(server, "--interval", "0.5")
    finally:
        is_over.set()
        crowd.join()
    # Then
    (row,) = [each for each in found if each["FunctionName"] == function.name]
    assert row["InvocationsPerSecond"] > 0
    assert 0 < row["P50"] <= row["P99"]
    assert row["Busy"] + row["Idle"] >= 1
    assert row["Memory"] > 0
    assert function.name in table

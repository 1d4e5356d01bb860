"""As an operator I see what functions have used, to the millisecond, and what AWS would charge."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from lambdad.testing.server import LocalServer
from support.clients import ENVIRONMENT, make_client
from support.functions import DeployedFunction

MakeFunction = Callable[..., DeployedFunction]
pytestmark = pytest.mark.slow

FATES = ["raise", "exit", *48 * ["finish"]]
_BILLED = re.compile(r"Billed Duration: (\d+) ms")


def run_usage(server: LocalServer, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "lambdad.cli.main", "usage", *arguments],
        env={**os.environ, **ENVIRONMENT, "AWS_ENDPOINT_URL": server.url},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def usage(server: LocalServer, *arguments: str) -> dict[str, Any]:
    done = run_usage(server, "--json", *arguments)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout)["functions"])


def billed_in_reports(url: str, group: str) -> list[int]:
    logs = make_client("logs", url)
    pages = logs.get_paginator("filter_log_events").paginate(
        logGroupName=group, filterPattern="REPORT"
    )
    found = [_BILLED.search(event["message"]) for page in pages for event in page["events"]]
    logs.close()
    return [int(match[1]) for match in found if match]


def test_the_ledger_and_the_report_lines_agree_to_the_millisecond(
    make_function: MakeFunction, tmp_path: Path
) -> None:
    # Given a thousand invocations, some of which fail or begin with an Init
    with LocalServer(tmp_path) as server:
        function = make_function("any_fate", on=server)
        with ThreadPoolExecutor(4) as crowd:
            list(crowd.map(lambda n: function.invoke({"fate": FATES[n % 50]}), range(1000)))
        used = usage(server)[function.name]
        billed = billed_in_reports(server.url, f"/aws/lambda/{function.name}")
        # Then both say the same
        assert used["invocations"] == len(billed) == 1000
        assert used["billed_duration_ms"] == sum(billed)
        memory_gb = used["memory_size_mb"] / 1024
        assert used["gb_seconds"] == pytest.approx(memory_gb * sum(billed) / 1000, abs=1e-5)
        assert used["cost"] == pytest.approx(1000 * 2e-7 + used["gb_seconds"] * 1.66667e-5, rel=0.3)
        assert 0 < used["max_memory_used_mb"] <= used["memory_size_mb"]
        # When the server is killed
        server.kill()
    # Then they still do
    with LocalServer(tmp_path) as server:
        billed = billed_in_reports(server.url, f"/aws/lambda/{function.name}")
        again = usage(server)[function.name]
        assert (again["invocations"], again["billed_duration_ms"]) == (len(billed), sum(billed))


def test_days_without_invocations_are_empty(server: LocalServer) -> None:
    assert usage(server, "--from", "2001-01-01", "--to", "2001-01-31") == {}


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["--from", "2026-13-77"], "From is a day such as 2026-11-28, not '2026-13-77'."),
        (["--from", "yesterday"], "not 'yesterday'."),
        (["--from", "2026-11-01", "--days", "3"], "Give --days or --from, not both."),
    ],
)
def test_what_is_no_day_is_refused(server: LocalServer, options: list[str], problem: str) -> None:
    run = run_usage(server, *options)
    assert run.returncode != 0
    assert problem in run.stderr

"""As an operator I see which runtimes the server has, and what it lacks."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable

import pytest

from lambdad.testing.server import LocalServer
from support.clients import ENVIRONMENT

Lambdad = Callable[..., subprocess.CompletedProcess[str]]
pytestmark = [pytest.mark.slow, pytest.mark.root]


@pytest.fixture
def lambdad(server: LocalServer) -> Lambdad:
    """Run `lambdad` with these arguments, as a user's shell does."""

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "lambdad.cli.main", *arguments],
            env={**ENVIRONMENT, "PATH": "/usr/bin:/bin", "AWS_ENDPOINT_URL": server.url},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )

    return run


def test_each_runtime_says_whose_functions_it_runs(lambdad: Lambdad) -> None:
    found = json.loads(lambdad("runtimes", "--json").stdout)
    served = {runtime for each in found["Runtimes"] for runtime in each["Serves"]}
    assert {"python3.9", "python3.13", "provided.al2", "provided.al2023"} <= served
    assert "python2.7" not in served
    for each in found["Runtimes"]:
        if "Executable" in each:
            assert each["Executable"].startswith("/")
    languages = {"Node.js": "nodejs", "Ruby": "ruby", "Java": "java", ".NET": "dotnet"}
    missing = {each["Language"] for each in found["Missing"]}
    for language, prefix in languages.items():
        is_here = any(each["Runtime"].startswith(prefix) for each in found["Runtimes"])
        assert is_here is (language not in missing)


def test_people_see_a_table(lambdad: Lambdad) -> None:
    shown = lambdad("runtimes").stdout
    assert "RUNTIME" in shown
    assert "provided.al2023" in shown

"""The same contract without root: an ordinary user's test run of the isolating kinds."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import user_namespace_run

from support import ordinary_user

pytestmark = [
    pytest.mark.root,  # to become that user
    pytest.mark.slow,
    pytest.mark.skipif(bool(user_namespace_run.IN_USER_NAMESPACE), reason="this is that run"),
]


@pytest.fixture
def home() -> Iterator[Path]:
    with ordinary_user.home() as directory:
        yield directory


@pytest.mark.timeout(400)  # it is a whole test run
def test_every_isolating_kind_keeps_the_contract_in_a_user_namespace(home: Path) -> None:
    # Given
    tests = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "no:cacheprovider",
        "--basetemp",
        f"{home}/tests",
    ]
    # When
    run = subprocess.run(
        [
            *ordinary_user.becoming(home),
            *tests,
            "-k",
            "namespaces or pooled",
            "--rootdir",
            ".",
            str(Path(__file__).parent),
        ],
        env={**os.environ, user_namespace_run.VARIABLE: "1", "TMPDIR": str(home)},
        capture_output=True,
        text=True,
        check=False,
    )
    # Then
    assert run.returncode == 0, run.stdout[-6000:] + run.stderr[-2000:]
    assert len(re.findall(r"\.", run.stdout)) > 30

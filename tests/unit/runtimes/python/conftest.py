from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

sys.path.append(str(Path(__file__).parent))

from runtime_under_test import FUNCTIONS, RUNTIME, find_interpreters
from scripted_api import Outcome, run_bootstrap

sys.path.append(str(RUNTIME))  # as it is at the top level inside a sandbox


@pytest.fixture(params=find_interpreters().items(), ids=lambda item: item[0])
def interpreter(request: pytest.FixtureRequest) -> tuple[str, str]:
    """Every interpreter in turn: its version and its path."""
    item: tuple[str, str] = request.param
    return item


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., Outcome]:
    """Run a function, given as the text of its module or as a directory of the zoo."""

    def run(
        function: str | dict[str, str],
        events: Iterable[bytes] = (),
        *,
        python: str = sys.executable,
        handler: str = "app.handler",
        variables: dict[str, str] | None = None,
        command: list[str] | None = None,
        **script: Any,
    ) -> Outcome:
        root = FUNCTIONS / function if isinstance(function, str) and "\n" not in function else None
        if root is None:
            root = tmp_path / "task"
            _write(root, {"app.py": function} if isinstance(function, str) else function)
        environment = {
            "_HANDLER": handler,
            "LAMBDA_TASK_ROOT": str(root),
            "AWS_EXECUTION_ENV": "AWS_Lambda_python3.12",
            "AWS_LAMBDA_FUNCTION_NAME": "f",
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
            "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/f",
            "AWS_LAMBDA_LOG_STREAM_NAME": "2026/01/01/[$LATEST]0123",
            "PATH": "/usr/bin:/bin",
            "PYTHONDONTWRITEBYTECODE": "1",
            **(variables or {}),
        }
        bootstrap = [python, "-I", "-S", "-B", str(RUNTIME / "bootstrap.py")]
        return run_bootstrap(command or bootstrap, environment, events, **script)

    return run


def _write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

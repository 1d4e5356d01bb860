from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

sys.path.append(str(Path(__file__).parent))
sys.path.append(str(Path(__file__).parents[1] / "python"))  # the scripted Runtime API

from node_under_test import COMMAND, NODE
from scripted_api import Outcome, run_bootstrap


@pytest.fixture
def run_node(tmp_path: Path) -> Callable[..., Outcome]:
    """Run a function, given as the text of its module `app.js` or as several files."""

    def run(
        function: str | dict[str, str],
        events: Iterable[bytes] = (),
        *,
        handler: str = "app.handler",
        variables: dict[str, str] | None = None,
        command: list[str] = COMMAND,
        **script: Any,
    ) -> Outcome:
        if NODE is None:
            pytest.skip("this machine has no node")
        root = tmp_path / "task"
        files = {"app.js": function} if isinstance(function, str) else function
        for name, text in files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        environment = {
            "_HANDLER": handler,
            "LAMBDA_TASK_ROOT": str(root),
            "AWS_EXECUTION_ENV": "AWS_Lambda_nodejs22.x",
            "AWS_LAMBDA_FUNCTION_NAME": "f",
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
            "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/f",
            "AWS_LAMBDA_LOG_STREAM_NAME": "2026/01/01/[$LATEST]0123",
            "PATH": "/usr/bin:/bin",
            **(variables or {}),
        }
        return run_bootstrap(command, environment, events, **script)

    return run

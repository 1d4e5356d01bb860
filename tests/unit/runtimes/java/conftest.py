from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

sys.path.append(str(Path(__file__).parent))
sys.path.append(str(Path(__file__).parents[1] / "python"))  # the scripted Runtime API

from java_under_test import MEMORY_MB, ZOO, build_runtime, compile_function, find_java
from scripted_api import Outcome, run_bootstrap

from lambdad.launcher.interpreters import Interpreter
from lambdad.launcher.languages import java


@pytest.fixture(scope="session")
def jdk() -> Interpreter:
    """The JDK under test."""
    interpreter = find_java()
    if interpreter is None:
        pytest.skip("this machine has no JDK")
    return interpreter


@pytest.fixture(scope="session")
def runtime(jdk: Interpreter, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The compiled runtime."""
    directory = tmp_path_factory.mktemp("runtime") / "java"
    build_runtime(jdk, directory)
    return directory


@pytest.fixture(scope="session")
def zoo(jdk: Interpreter, runtime: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The compiled functions of the tests."""
    classes = tmp_path_factory.mktemp("zoo")
    compile_function(jdk, sorted(ZOO.glob("*.java")), classes, [runtime / "lambdad.jar"])
    return classes


@pytest.fixture
def java_command(jdk: Interpreter, runtime: Path) -> list[str]:
    """How the launcher starts the runtime."""
    return java.command(jdk.executable, str(runtime), MEMORY_MB)


@pytest.fixture
def variables(zoo: Path) -> dict[str, str]:
    """What the environment of a function is made of."""
    return {
        "LAMBDA_TASK_ROOT": str(zoo),
        "AWS_EXECUTION_ENV": "AWS_Lambda_java17",
        "AWS_LAMBDA_FUNCTION_NAME": "f",
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(MEMORY_MB),
        "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/f",
        "AWS_LAMBDA_LOG_STREAM_NAME": "2026/01/01/[$LATEST]0123",
        "PATH": "/usr/bin:/bin",
        **java.VARIABLES,
    }


@pytest.fixture
def run_java(java_command: list[str], variables: dict[str, str]) -> Callable[..., Outcome]:
    """Run a function of the zoo: `Class::method` of the package `example`."""

    def run(
        handler: str,
        events: Iterable[bytes] = (),
        *,
        overrides: dict[str, str] | None = None,
        **script: Any,
    ) -> Outcome:
        environment = {**variables, "_HANDLER": handler, **(overrides or {})}
        return run_bootstrap(java_command, environment, events, **script)

    return run

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

sys.path.append(str(Path(__file__).parent))
sys.path.append(str(Path(__file__).parents[1] / "python"))  # the scripted Runtime API

from csharp import FUNCTIONS, RUNTIME, SDK, VARIABLES, compile_function
from scripted_api import Outcome, run_bootstrap

from lambdad.launcher.languages import dotnet

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def bootstrap(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The runtime, compiled as the launcher compiles it."""
    if SDK is None:
        pytest.skip("this machine has no .NET SDK")
    directory = tmp_path_factory.mktemp("runtime") / "dotnet"
    shutil.copytree(RUNTIME, directory)
    dotnet.build(SDK, directory)
    return directory / "bootstrap.dll"


@pytest.fixture(scope="session")
def package(bootstrap: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The function of all languages, and the handlers of these tests."""
    directory = compile_function(
        [FUNCTIONS / "Function.cs"], "Function", tmp_path_factory.mktemp("task")
    )
    compile_function([HERE / "Zoo.cs"], "Zoo", directory)
    compile_function([HERE / "Bare.cs"], "Bare", directory)
    return compile_function([HERE / "Program.cs"], "Program.exe", directory)


@pytest.fixture
def variables(package: Path) -> dict[str, str]:
    """The environment of a function, without its handler."""
    return {
        **VARIABLES,
        "LAMBDA_TASK_ROOT": str(package),
        "AWS_EXECUTION_ENV": "AWS_Lambda_dotnet8",
        "AWS_LAMBDA_FUNCTION_NAME": "f",
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
        "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/f",
        "AWS_LAMBDA_LOG_STREAM_NAME": "2026/01/01/[$LATEST]0123",
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
    }


@pytest.fixture
def run_dotnet(bootstrap: Path, variables: dict[str, str]) -> Callable[..., Outcome]:
    """Run a handler: a whole name, or a method of the zoo."""

    def run(handler: str, events: Iterable[bytes] = (), **script: Any) -> Outcome:
        assert SDK
        name = handler if "::" in handler or "." in handler else f"Zoo::Zoo.Animals::{handler}"
        own = script.pop("variables", {})
        return run_bootstrap(
            [SDK.executable, "exec", str(bootstrap)],
            {**variables, "_HANDLER": name, **own},
            events,
            **script,
        )

    return run

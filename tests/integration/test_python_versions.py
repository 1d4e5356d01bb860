"""As a developer I name a Python version, and my function runs on it, or I am told otherwise."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lambdad.testing.server import LocalServer
from support.functions import DeployedFunction
from support.sandboxes import on_both

MakeFunction = Callable[..., DeployedFunction]
pytestmark = pytest.mark.slow

VERSION = "import sys\ndef handler(e, c): return list(sys.version_info[:3])"
VERSIONS = range(9, 15)


@on_both
@pytest.mark.parametrize("minor", VERSIONS)
def test_a_version_runs_on_itself_or_on_the_nearest(
    make_function: MakeFunction, server: LocalServer, minor: int
) -> None:
    # Given
    asked = f"python3.{minor}"
    present = [int(name.split(".")[1]) for name in server.runtimes]
    nearest = min(present, key=lambda other: (abs(other - minor), -other))
    # When
    function = make_function(source=VERSION, Runtime=asked)
    answer = function.invoke()
    # Then
    major, its_minor, patch = answer.value
    assert (major, its_minor) == (3, nearest)
    init = answer.lines[0]
    assert init.startswith(f"INIT_START Runtime Version: python:3.{nearest}.v{patch}\t")
    configuration = function.configuration()
    assert configuration["Runtime"] == asked
    said = configuration["RuntimeVersionConfig"]
    if nearest == minor:
        assert "Error" not in said
        assert "is not on this machine" not in init
    else:
        assert f"{asked} is not on this machine" in init
        assert f"python3.{nearest}" in said["Error"]["Message"]
        assert asked in said["Error"]["Message"]


@pytest.mark.parametrize("minor", VERSIONS)
def test_every_version_has_the_sdk_and_its_own_bytecode(
    make_function: MakeFunction, server: LocalServer, minor: int
) -> None:
    # Given
    runtime = f"python3.{minor}"
    if runtime not in server.runtimes:
        pytest.skip(f"{runtime} is not on this machine")
    if minor < 10:
        pytest.skip("the SDK of today is not for it")
    files = {
        "app.py": "import boto3, lib\ndef handler(e, c): return [boto3.__file__, lib.__cached__]",
        "lib.py": "X = 1",
    }
    # When
    boto3_file, cached = make_function(files=files, Runtime=runtime).call()
    # Then
    assert boto3_file.startswith("/var/runtime/")
    assert cached.endswith(f".cpython-3{minor}.pyc")


def test_bytecode_is_made_at_deploy_for_the_version_that_runs(
    make_function: MakeFunction,
) -> None:
    source = "import os\ndef handler(e, c): return os.path.exists(__cached__)"
    assert make_function(source=source).call() is True


def test_strict_refuses_a_version_that_is_not_here(
    make_function: MakeFunction, start_server: Callable[..., LocalServer]
) -> None:
    server = start_server(sandbox="process", runtimes="strict")
    present = server.runtimes
    absent = [name for name in (f"python3.{m}" for m in VERSIONS) if name not in present]
    if not absent:
        pytest.skip("this machine has every version")
    # An absent one is refused, and named
    with pytest.raises(Exception, match=absent[0].replace(".", r"\.")):
        make_function("echo", on=server, Runtime=absent[0])
    # A present one runs
    assert make_function("echo", on=server, Runtime=present[0]).call(1) == 1

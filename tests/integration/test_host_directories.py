"""As a developer I run code from where I edit it; as an operator I let functions share a disk."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lambdad.testing.server import LocalServer, ServerNotReady
from support.functions import DeployedFunction

MakeFunction = Callable[..., DeployedFunction]
StartServer = Callable[..., LocalServer]
pytestmark = pytest.mark.slow

POINT = "arn:aws:elasticfilesystem:us-east-1:000000000000:access-point/fsap-"
ARN, GONE = POINT + "0123456789abcdef0", POINT + "fedcba9876543210f"
OWNER = 12_345
ANSWERING = "def handler(event, context):\n    return {!r}\n"
FILES = """
import os

def handler(event, context):
    if "write" in event:
        with open(event["write"], "a") as file:
            file.write(event["text"])
    return open(event["read"]).read() if "read" in event else os.listdir("/mnt")
"""


@pytest.fixture
def host() -> Iterator[Path]:
    """Directories of this machine, in a place that anybody may pass; pytest's own are private."""
    with tempfile.TemporaryDirectory(prefix="lambdad-host-") as name:
        top = Path(name).resolve()
        top.chmod(0o711)
        (top / "code/app").mkdir(parents=True)
        (top / "code/app/app.py").write_text(ANSWERING.format("first"))
        (top / "shared").mkdir(mode=0o700)
        if os.geteuid() == 0:
            os.chown(top / "shared", OWNER, OWNER)
        yield top


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


def live(path: Path) -> dict[str, Any]:
    return {"Code": {"S3Bucket": "hot-reload", "S3Key": str(path)}}


def mounting(arn: str = ARN) -> dict[str, Any]:
    return {"FileSystemConfigs": [{"Arn": arn, "LocalMountPath": "/mnt/data"}]}


def refused(function: Callable[[], Any]) -> tuple[str, int, str]:
    with pytest.raises(ClientError) as caught:
        function()
    error, answer = caught.value.response["Error"], caught.value.response["ResponseMetadata"]
    return error["Code"], answer["HTTPStatusCode"], error["Message"]


@pytest.mark.parametrize("sandbox", [pytest.param("namespaces", marks=pytest.mark.root), "process"])
def test_a_saved_file_answers_the_next_invocation(
    start_server: StartServer, make_function: MakeFunction, host: Path, sandbox: str
) -> None:
    # Given
    server = start_server(sandbox=sandbox, hot_reload=host / "code")
    app = host / "code/app"
    function = make_function(on=server, **live(app))
    assert function.created["CodeSize"] == 0
    first, second = function.invoke(), function.invoke()
    assert (first.value, first.is_cold, second.is_cold) == ("first", True, False)
    # When
    (app / "app.py").write_text(ANSWERING.format("second"))
    # Then
    third, fourth = function.invoke(), function.invoke()
    assert (third.value, third.is_cold) == ("second", True)
    assert (fourth.value, fourth.is_cold) == ("second", False)
    # When all of it is replaced, as a build does
    app.rename(host / "code/old")
    app.mkdir()
    (app / "app.py").write_text(ANSWERING.format("third"))
    # Then
    assert function.call() == "third"
    # When it is gone
    shutil.rmtree(app)
    # Then it is said, and what comes back serves
    code, status, message = refused(function.call)
    assert (code, status) == ("InvalidParameterValueException", 400)
    assert str(app) in message
    app.mkdir()
    (app / "app.py").write_text(ANSWERING.format("fourth"))
    assert function.call() == "fourth"


@pytest.mark.root
def test_functions_share_a_directory_that_outlives_them_and_the_server(
    start_server: StartServer, make_function: MakeFunction, host: Path, data_dir: Path
) -> None:
    # Given
    settings = {"file_systems": f"{ARN}={host}/shared", "idle_timeout": 600}
    server = start_server(data_dir, **settings)
    one = make_function(source=FILES, on=server, **mounting())
    other = make_function(source=FILES, on=server, **mounting())
    without = make_function(source=FILES, on=server)
    program = make_function(
        source=FILES, on=server, **mounting(), Environment={"Variables": {"PYTHONOPTIMIZE": "1"}}
    )
    # When
    one.call({"write": "/mnt/data/letter", "text": "hello"})
    other.call({"write": "/mnt/data/letter", "text": " world"})
    # Then
    assert program.call({"read": "/mnt/data/letter"}) == "hello world"
    assert (host / "shared/letter").stat().st_uid == OWNER
    assert without.call({}) == []
    # When the server is killed and starts again
    server.kill()
    server.start()
    assert rebound(one, server).call({"read": "/mnt/data/letter"}) == "hello world"
    # When the directory is gone
    (host / "shared").rename(host / "away")
    code, status, message = refused(lambda: rebound(other, server).call({}))
    assert (code, status) == ("EFSMountFailureException", 403)
    assert ARN in message


def rebound(function: DeployedFunction, server: LocalServer) -> DeployedFunction:
    """The same function, on the port that the server has now."""
    from support.clients import make_client

    return DeployedFunction(
        make_client("lambda", server.url), make_client("logs", server.url), function.created
    )


@pytest.mark.root
def test_a_mapping_that_is_removed_fails_the_function_and_nothing_else(
    start_server: StartServer, make_function: MakeFunction, host: Path, data_dir: Path
) -> None:
    # Given
    server = start_server(data_dir, file_systems=f"{ARN}={host}/shared")
    function = make_function(source=FILES, on=server, **mounting())
    plain = make_function(source=FILES, on=server)
    server.stop()
    # When
    del server.settings["file_systems"]
    server.start()
    # Then
    code, status, message = refused(lambda: rebound(function, server).call({}))
    assert (code, status) == ("EFSMountFailureException", 403)
    assert "file_systems" in message
    assert rebound(plain, server).call({}) == []


@pytest.mark.root
def test_without_the_settings_nothing_of_the_host_is_to_be_had(
    lambda_client: Any, make_function: MakeFunction, host: Path
) -> None:
    for asked, setting in ((live(host / "code/app"), "hot_reload"), (mounting(), "file_systems")):
        code, status, message = refused(
            lambda asked=asked: make_function("echo", **asked)  # type: ignore[misc]
        )
        assert (code, status) == ("InvalidParameterValueException", 400)
        assert setting in message


@pytest.mark.root
@pytest.mark.parametrize("rootless", [False, True], ids=["namespaces", "rootless"])
def test_a_directory_that_no_function_could_read_ends_the_start(
    start_server: StartServer, host: Path, rootless: bool
) -> None:
    os.chown(host / "shared", 0, 0)
    with pytest.raises(ServerNotReady) as caught:
        start_server(rootless=rootless, file_systems=f"{ARN}={host}/shared")
    assert caught.value.code == 2
    assert "file_systems: functions would come to" in caught.value.log
    assert f"chmod o+rx {host}/shared" in caught.value.log


@pytest.mark.root
def test_without_root_a_function_has_what_strangers_have(
    start_server: StartServer, make_function: MakeFunction, host: Path
) -> None:
    # Given
    (host / "shared").chmod(0o777)
    settings = {"file_systems": f"{ARN}={host}/shared", "hot_reload": host / "code"}
    server = start_server(rootless=True, **settings)
    # When
    one = make_function(source=FILES, on=server, **mounting())
    one.call({"write": "/mnt/data/letter", "text": "hello"})
    # Then
    other = make_function(source=FILES, on=server, **mounting())
    assert other.call({"read": "/mnt/data/letter"}) == "hello"
    # When, Then
    function = make_function(on=server, **live(host / "code/app"))
    assert function.call() == "first"
    (host / "code/app/app.py").write_text(ANSWERING.format("second"))
    assert function.call() == "second"

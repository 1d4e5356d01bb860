"""As an operator I say who may sign packages, and as a developer I deploy what they have signed."""

from __future__ import annotations

import os
import subprocess
import tempfile
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from lambdad.testing.server import LocalServer, ServerNotReady
from support.functions import DeployedFunction
from support.packages import make_zip, zoo_files
from support.signing import PROFILE, Publisher

pytestmark = pytest.mark.slow
MakeFunction = Callable[..., DeployedFunction]


@pytest.fixture(scope="module")
def publisher() -> Publisher:
    return Publisher.make(datetime.now(UTC), is_rsa=True)


@pytest.fixture(scope="module")
def server(
    publisher: Publisher,
    new_server: Callable[..., LocalServer],
    running_servers: list[LocalServer],
) -> Iterator[LocalServer]:
    """A server whose operator trusts the publisher."""
    with tempfile.NamedTemporaryFile(suffix=".pem") as certificate:
        os.chmod(certificate.name, 0o644)  # the server reads it without root
        certificate.write(publisher.pem)
        certificate.flush()
        profiles = f"{PROFILE}={certificate.name}"
        server = new_server(sandbox="process", signing_profiles=profiles)
        yield server.start()
    server.close()
    running_servers.remove(server)


@pytest.fixture
def config(lambda_client: Any) -> Iterator[str]:
    """The ARN of a config that enforces."""
    created = lambda_client.create_code_signing_config(
        AllowedPublishers={"SigningProfileVersionArns": [PROFILE]},
        CodeSigningPolicies={"UntrustedArtifactOnDeployment": "Enforce"},
    )
    arn = created["CodeSigningConfig"]["CodeSigningConfigArn"]
    yield arn
    lambda_client.delete_code_signing_config(CodeSigningConfigArn=arn)


@pytest.fixture
def signed(publisher: Publisher, tmp_path: Path) -> bytes:
    """A package that was made with zip and signed with openssl, as the documentation says."""
    for name, content in zoo_files("echo").items():
        (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    (tmp_path / "release.pem").write_bytes(publisher.pem)
    (tmp_path / "release.key").write_bytes(publisher.key_pem)
    for command in (
        "zip -q package.zip app.py",
        "openssl cms -sign -binary -in package.zip -signer release.pem -inkey release.key "
        "-outform PEM -out package.p7s",
        "zip -qz package.zip < package.p7s",
    ):
        subprocess.run(command, shell=True, cwd=tmp_path, check=True)
    return (tmp_path / "package.zip").read_bytes()


def test_a_signed_package_is_deployed_and_runs(
    make_function: MakeFunction, lambda_client: Any, config: str, signed: bytes
) -> None:
    # When
    function = make_function(package=signed, CodeSigningConfigArn=config)
    # Then
    assert function.created["SigningProfileVersionArn"] == PROFILE
    assert function.call({"a": 1}) == {"a": 1}
    # And nothing else is deployed, not even by halves
    errors = lambda_client.exceptions
    unsigned = make_zip(zoo_files("echo"))
    with pytest.raises(errors.CodeVerificationFailedException, match="not signed"):
        lambda_client.update_function_code(FunctionName=function.name, ZipFile=unsigned)
    tampered = signed.replace(b"app.py", b"abc.py")
    with pytest.raises(errors.InvalidCodeSignatureException, match="changed"):
        lambda_client.update_function_code(FunctionName=function.name, ZipFile=tampered)
    with pytest.raises(errors.CodeVerificationFailedException):
        make_function(package=unsigned, CodeSigningConfigArn=config)
    assert function.call({"a": 2}) == {"a": 2}
    lambda_client.delete_function_code_signing_config(FunctionName=function.name)


def test_configs_make_the_round_trip(
    make_function: MakeFunction, lambda_client: Any, config: str
) -> None:
    # Given
    errors = lambda_client.exceptions
    function = make_function("echo")
    # When
    updated = lambda_client.update_code_signing_config(
        CodeSigningConfigArn=config,
        Description="releases",
        CodeSigningPolicies={"UntrustedArtifactOnDeployment": "Warn"},
    )["CodeSigningConfig"]
    # Then
    found = lambda_client.get_code_signing_config(CodeSigningConfigArn=config)
    assert found["CodeSigningConfig"] == updated
    assert updated["Description"] == "releases"
    pages = lambda_client.get_paginator("list_code_signing_configs").paginate(
        PaginationConfig={"PageSize": 1}
    )
    assert updated in [each for page in pages for each in page["CodeSigningConfigs"]]
    # When
    used = {"FunctionName": function.name, "CodeSigningConfigArn": config}
    put = lambda_client.put_function_code_signing_config(**used)
    # Then
    assert {name: put[name] for name in used} == used
    found = lambda_client.get_function_code_signing_config(FunctionName=function.name)
    assert {name: found[name] for name in used} == used
    pages = lambda_client.get_paginator("list_functions_by_code_signing_config").paginate(
        CodeSigningConfigArn=config
    )
    arns = [arn for page in pages for arn in page["FunctionArns"]]
    assert arns == [function.created["FunctionArn"]]
    with pytest.raises(errors.ResourceConflictException, match="used by 1 function"):
        lambda_client.delete_code_signing_config(CodeSigningConfigArn=config)
    lambda_client.delete_function_code_signing_config(FunctionName=function.name)
    found = lambda_client.get_function_code_signing_config(FunctionName=function.name)
    assert "CodeSigningConfigArn" not in found


def test_what_is_not_there_and_what_cannot_be_is_refused(
    make_function: MakeFunction, lambda_client: Any, config: str
) -> None:
    errors = lambda_client.exceptions
    missing = f"{config[:-17]}{uuid.uuid4().hex[:17]}"
    with pytest.raises(errors.ResourceNotFoundException):
        lambda_client.get_code_signing_config(CodeSigningConfigArn=missing)
    function = make_function("echo")
    with pytest.raises(errors.CodeSigningConfigNotFoundException):
        lambda_client.put_function_code_signing_config(
            FunctionName=function.name, CodeSigningConfigArn=missing
        )
    with pytest.raises(lambda_client.exceptions.ClientError, match="Validation"):
        lambda_client.create_code_signing_config(
            AllowedPublishers={"SigningProfileVersionArns": ["release"]}
        )


def test_a_file_without_certificates_ends_the_start(
    new_server: Callable[..., LocalServer], running_servers: list[LocalServer], tmp_path: Path
) -> None:
    for file in (tmp_path / "missing.pem", Path(__file__)):
        server = new_server(sandbox="process", signing_profiles=f"{PROFILE}={file}")
        with pytest.raises(ServerNotReady) as caught:
            server.start()
        assert caught.value.code == 2
        assert f"Setting signing_profiles: {file} holds no certificates in PEM" in caught.value.log
        server.close()
        running_servers.remove(server)

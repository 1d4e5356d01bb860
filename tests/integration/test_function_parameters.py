"""As a developer I give a function everything that AWS lets me give, and read it back."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from lambdad.testing.server import LocalServer
from support.clients import ACCOUNT, REGION, ROLE
from support.functions import RUNTIME, DeployedFunction
from support.object_store import LittleS3, little_s3
from support.packages import make_zip, zoo_files
from support.processes import node_of
from support.waiting import wait_until

MakeFunction = Callable[..., DeployedFunction]

pytestmark = pytest.mark.slow

QUEUE = f"arn:aws:sqs:{REGION}:{ACCOUNT}:failed"
TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:failed"
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{uuid.UUID(int=1)}"
PROVIDER = {
    "LambdaManagedInstancesCapacityProviderConfig": {
        "CapacityProviderArn": f"arn:aws:lambda:{REGION}:{ACCOUNT}:capacity-provider:parameters"
    }
}
IMAGE = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/app"
LOGGING_LEVELS = """
import logging
def handler(event, context):
    logging.getLogger().debug("hidden")
    logging.getLogger().info("shown", extra={"order": 7})
"""
TENANTS = """
served = []
def handler(event, context):
    served.append(context.tenant_id)
    return served
"""


def make_provider(client: Any) -> None:
    """The capacity provider that PROVIDER names."""
    role = {"CapacityProviderOperatorRoleArn": f"arn:aws:iam::{ACCOUNT}:role/operator"}
    name = {"CapacityProviderName": "parameters"}
    client.create_capacity_provider(
        **name,
        VpcConfig={"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"]},
        PermissionsConfig=role,
    )
    wait_until(
        lambda: client.get_capacity_provider(**name)["CapacityProvider"]["State"] == "Active",
        "the provider is active",
    )


def test_settings_make_the_round_trip(make_function: MakeFunction, lambda_client: Any) -> None:
    # Given
    make_provider(lambda_client)
    asked: dict[str, Any] = {
        "VpcConfig": {"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"]},
        "DeadLetterConfig": {"TargetArn": QUEUE},
        "KMSKeyArn": KEY,
        "EphemeralStorage": {"Size": 600},
        "CapacityProviderConfig": PROVIDER,
        "DurableConfig": {"ExecutionTimeout": 3600},
    }
    function = make_function("echo", **asked)
    told = function.configuration()
    # Then
    assert told["VpcConfig"]["SubnetIds"] == ["subnet-1"]
    assert told["VpcConfig"]["VpcId"].startswith("vpc-")
    assert told["DurableConfig"] == {"ExecutionTimeout": 3600, "RetentionPeriodInDays": 14}
    for member in asked.keys() - {"VpcConfig", "DurableConfig"}:
        assert told[member] == asked[member]
    assert told["ConfigSha256"]
    assert function.call(1) == 1
    # When they change
    changed = function.update_configuration(
        VpcConfig={"SubnetIds": [], "SecurityGroupIds": []},
        DeadLetterConfig={"TargetArn": TOPIC},
        KMSKeyArn="",
        DurableConfig={"RetentionPeriodInDays": 1},
    )
    # Then
    assert changed["VpcConfig"]["VpcId"] == ""
    assert changed["DeadLetterConfig"] == {"TargetArn": TOPIC}
    assert "KMSKeyArn" not in changed
    assert changed["DurableConfig"] == {"ExecutionTimeout": 3600, "RetentionPeriodInDays": 1}
    assert changed["ConfigSha256"] != told["ConfigSha256"]


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"DeadLetterConfig": {"TargetArn": "arn:aws:s3:::b"}}, "dead-letter target"),
        ({"VpcConfig": {"SubnetIds": ["subnet-1"]}}, "must be given together"),
        (
            {"SnapStart": {"ApplyOn": "PublishedVersions"}, "Runtime": "python3.9"},
            "python3.9 is not supported for SnapStart",
        ),
        ({"LoggingConfig": {"SystemLogLevel": "WARN"}}, "only be set when LogFormat is JSON"),
        ({"Code": {"S3Bucket": "bucket", "S3Key": "k"}}, "s3_endpoint"),
        ({"AcceleratorConfig": {"AcceleratorMemorySize": 1}}, "AcceleratorConfig"),
    ],
)
def test_what_cannot_be_is_refused(lambda_client: Any, asked: dict[str, Any], message: str) -> None:
    request = {
        "FunctionName": f"refused-{uuid.uuid4().hex[:8]}",
        "Runtime": RUNTIME,
        "Handler": "app.handler",
        "Role": ROLE,
        "Code": {"ZipFile": make_zip(zoo_files("echo"))},
        **asked,
    }
    with pytest.raises(lambda_client.exceptions.InvalidParameterValueException, match=message):
        lambda_client.create_function(**request)


def test_logs_are_json_at_the_level_that_was_set(make_function: MakeFunction) -> None:
    # Given
    function = make_function(source=LOGGING_LEVELS, LoggingConfig={"LogFormat": "JSON"})
    # When
    lines = function.invoke().lines
    # Then
    (shown,) = (json.loads(line) for line in lines if line.startswith("{"))
    assert (shown["message"], shown["level"], shown["order"]) == ("shown", "INFO", 7)
    # When
    function.update_configuration(LoggingConfig={"ApplicationLogLevel": "DEBUG"})
    # Then
    messages = [json.loads(line)["message"] for line in function.invoke().lines if "{" in line]
    assert messages == ["hidden", "shown"]
    # When
    function.update_configuration(LoggingConfig={"LogFormat": "Text"})
    # Then
    assert "{" not in function.invoke().tail
    assert function.configuration()["LoggingConfig"].keys() == {"LogFormat", "LogGroup"}


def test_tenants_never_share_an_environment(make_function: MakeFunction) -> None:
    # Given
    tenancy = {"TenantIsolationMode": "PER_TENANT"}
    function = make_function(source=TENANTS, TenancyConfig=tenancy)
    assert function.configuration()["TenancyConfig"] == tenancy
    # When, Then
    for tenant, served in (("blue", 1), ("green", 1), ("blue", 2), ("green", 2)):
        assert function.invoke(TenantId=tenant).value == [tenant] * served
    invalid = function.client.exceptions.InvalidParameterValueException
    with pytest.raises(invalid, match="Add a valid tenant ID"):
        function.invoke()
    shared = make_function("echo")
    with pytest.raises(invalid, match="Remove the tenant ID"):
        shared.invoke(TenantId="blue")


def test_snap_start_is_told_of_published_versions(make_function: MakeFunction) -> None:
    function = make_function(
        "echo", Runtime="python3.12", SnapStart={"ApplyOn": "PublishedVersions"}
    )
    published = function.client.publish_version(FunctionName=function.name)
    assert published["SnapStart"]["OptimizationStatus"] == "On"
    assert function.configuration()["SnapStart"]["OptimizationStatus"] == "Off"
    assert function.invoke(1, Qualifier="1").value == 1


def test_an_image_is_a_function_that_cannot_run_yet(lambda_client: Any) -> None:
    name = f"image-{uuid.uuid4().hex[:8]}"
    lambda_client.create_function(
        FunctionName=name,
        Role=ROLE,
        PackageType="Image",
        Code={"ImageUri": f"{IMAGE}:1"},
        ImageConfig={"Command": ["app.handler"]},
    )
    try:
        lambda_client.get_waiter("function_active_v2").wait(FunctionName=name)
        found = lambda_client.get_function(FunctionName=name)
        assert found["Code"] == {"RepositoryType": "ECR", "ImageUri": f"{IMAGE}:1"}
        assert found["Configuration"]["PackageType"] == "Image"
        with pytest.raises(
            lambda_client.exceptions.InvalidParameterValueException, match="container images"
        ):
            lambda_client.invoke(FunctionName=name)
    finally:
        lambda_client.delete_function(FunctionName=name)


# Code from S3


@pytest.fixture(scope="module")
def s3() -> Iterator[LittleS3]:
    with little_s3() as store:
        yield store


@pytest.fixture
def s3_server(
    s3: LittleS3, start_server: Callable[..., LocalServer], monkeypatch: pytest.MonkeyPatch
) -> LocalServer:
    """A server that fetches from the little S3, with the operator's credentials."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAOPERATOR")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "of the operator")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-north-1")
    return start_server(s3_endpoint=s3.url, sandbox="process", code_storage=1)


def test_code_comes_from_s3(
    s3: LittleS3, s3_server: LocalServer, make_function: MakeFunction
) -> None:
    # Given
    first = make_zip({"app.py": "def handler(e, c): return 'first'"})
    second = make_zip({"app.py": "import os\ndef handler(e, c): return dict(os.environ)"})
    s3.put("code", "app.zip", first)
    s3.put("code", "app.zip", second, version="v2")
    # When
    function = make_function(on=s3_server, Code={"S3Bucket": "code", "S3Key": "app.zip"})
    # Then
    assert function.call() == "first"
    assert s3.authorizations[-1].startswith("AWS4-HMAC-SHA256 Credential=AKIAOPERATOR/")
    assert "/eu-north-1/s3/" in s3.authorizations[-1]
    # When
    update = {"FunctionName": function.name, "S3Bucket": "code", "S3Key": "app.zip"}
    function.client.update_function_code(**update, S3ObjectVersion="v2")
    function.wait_until_updated()
    # Then, and the function has no part in the server's credentials
    assert "of the operator" not in function.call().values()
    # When, Then
    with pytest.raises(
        function.client.exceptions.InvalidParameterValueException,
        match=r"S3 Error Code: NoSuchKey\. S3 Error Message: The specified key does not exist\.",
    ):
        function.client.update_function_code(**{**update, "S3Key": "missing.zip"})
    assert function.configuration()["LastUpdateStatus"] == "Successful"


def test_without_an_endpoint_elsewhere_the_node_has_no_credentials(
    start_server: Callable[..., LocalServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "of the operator")
    node = node_of(start_server(sandbox="process"))
    assert node.environ()["HOME"]
    assert "of the operator" not in node.environ().values()


def test_endpoints_have_the_operators_credentials_and_s3_among_them(
    s3: LittleS3,
    start_server: Callable[..., LocalServer],
    make_function: MakeFunction,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAELSEWHERE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "of the operator")
    s3.put("code", "app.zip", make_zip({"app.py": "def handler(e, c): return 'from s3'"}))
    server = start_server(
        sandbox="process", endpoints=f"s3={s3.url}", s3_endpoint="http://127.0.0.1:1"
    )
    function = make_function(on=server, Code={"S3Bucket": "code", "S3Key": "app.zip"})
    assert function.call() == "from s3"
    assert "Credential=AKIAELSEWHERE/" in s3.authorizations[-1]


def test_code_storage_has_a_quota(s3_server: LocalServer, make_function: MakeFunction) -> None:
    incompressible = b"".join(uuid.uuid4().bytes for _ in range(40_000))
    package = make_zip({"app.py": "def handler(e, c): pass", "data": incompressible})
    function = make_function(on=s3_server, package=package)
    with pytest.raises(
        function.client.exceptions.CodeStorageExceededException, match="Code storage limit"
    ):
        function.client.publish_version(FunctionName=function.name)

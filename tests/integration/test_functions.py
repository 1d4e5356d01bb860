"""As a developer I list, inspect, download and delete functions."""

from __future__ import annotations

import base64
import hashlib
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from lambdad.testing.server import LocalServer
from support.clients import ACCOUNT, REGION, ROLE
from support.functions import DeployedFunction
from support.packages import make_zip, zoo_files

MakeFunction = Callable[..., DeployedFunction]
pytestmark = pytest.mark.slow


@pytest.fixture
def someone() -> str:
    """An account that nobody else uses."""
    return f"{uuid.uuid4().int % 10**12:012d}"


def test_create_answers_with_the_whole_configuration(make_function: MakeFunction) -> None:
    # Given
    package = make_zip(zoo_files("echo"))
    # When
    function = make_function("echo", wait=False, Description="d", Tags={"team": "a"})
    # Then
    created = function.created
    expected = {
        "FunctionArn": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{function.name}",
        "Role": ROLE,
        "Handler": "app.handler",
        "CodeSize": len(package),
        "CodeSha256": base64.b64encode(hashlib.sha256(package).digest()).decode(),
        "Description": "d",
        "Timeout": 10,
        "MemorySize": 512,
        "Version": "$LATEST",
        "PackageType": "Zip",
        "Architectures": created["Architectures"],
        "EphemeralStorage": {"Size": 512},
        "TracingConfig": {"Mode": "PassThrough"},
        "SnapStart": {"ApplyOn": "None", "OptimizationStatus": "Off"},
        "LoggingConfig": {"LogFormat": "Text", "LogGroup": function.log_group},
        "State": "Pending",
    }
    assert {name: created.get(name) for name in expected} == expected
    assert created["ResponseMetadata"]["HTTPStatusCode"] == 201
    assert uuid.UUID(created["RevisionId"])
    assert function.client.get_function(FunctionName=function.name)["Tags"] == {"team": "a"}


def test_defaults_are_those_of_aws(lambda_client: Any, make_function: MakeFunction) -> None:
    name = f"defaults-{uuid.uuid4().hex[:8]}"
    created = lambda_client.create_function(
        FunctionName=name,
        Runtime="python3.12",
        Handler="app.handler",
        Role=ROLE,
        Code={"ZipFile": make_zip(zoo_files("echo"))},
    )
    try:
        assert (created["Timeout"], created["MemorySize"]) == (3, 128)
        assert created["Description"] == ""
        assert created["EphemeralStorage"] == {"Size": 512}
    finally:
        lambda_client.delete_function(FunctionName=name)


def test_a_name_is_taken_once(make_function: MakeFunction) -> None:
    function = make_function("echo")
    with pytest.raises(function.client.exceptions.ResourceConflictException) as caught:
        make_function("echo", FunctionName=function.name)
    message = caught.value.response["Error"]["Message"]
    assert message == f"Function already exist: {function.name}"


def test_the_list_is_paged(make_function: MakeFunction, someone: str) -> None:
    # Given
    names = sorted(f"paged-{number}" for number in range(5))
    functions = [make_function("echo", FunctionName=n, access_key_id=someone) for n in names]
    client = functions[0].client
    # When
    first = client.list_functions(MaxItems=2)
    paginator = client.get_paginator("list_functions")
    pages = list(paginator.paginate(PaginationConfig={"PageSize": 2}))
    # Then
    assert len(first["Functions"]) == 2
    assert first["NextMarker"]
    assert [len(page["Functions"]) for page in pages] == [2, 2, 1]
    listed = [function for page in pages for function in page["Functions"]]
    assert [function["FunctionName"] for function in listed] == names
    assert not [f for f in listed if "State" in f or "LastUpdateStatus" in f]


def test_a_deleted_function_is_gone_and_its_name_free(make_function: MakeFunction) -> None:
    # Given
    function = make_function(source="def handler(e, c): return 'first'")
    function.call()
    # When
    answer = function.client.delete_function(FunctionName=function.name)
    # Then
    assert answer["ResponseMetadata"]["HTTPStatusCode"] in (200, 204)
    not_found = function.client.exceptions.ResourceNotFoundException
    for operation in (
        function.client.invoke,
        function.client.get_function,
        function.client.get_function_configuration,
        function.client.delete_function,
    ):
        with pytest.raises(not_found, match=f"Function not found: {function.arn}"):
            operation(FunctionName=function.name)
    again = make_function(source="def handler(e, c): return 'second'", FunctionName=function.name)
    assert again.call() == "second"


def test_functions_with_the_same_package_are_deleted_one_by_one(
    make_function: MakeFunction,
) -> None:
    first, second = make_function("echo"), make_function("echo")
    first.client.delete_function(FunctionName=first.name)
    assert second.call(1) == 1
    link = second.client.get_function(FunctionName=second.name)["Code"]["Location"]
    assert _fetch(link)[0] == 200


def test_the_download_link_gives_the_same_zip(make_function: MakeFunction) -> None:
    # Given
    package = make_zip(zoo_files("echo"))
    function = make_function("echo")
    # When
    code = function.client.get_function(FunctionName=function.name)["Code"]
    # Then
    assert code["RepositoryType"] == "S3"
    assert _fetch(code["Location"]) == (200, package)


def test_a_download_link_cannot_be_made_up(make_function: MakeFunction) -> None:
    function = make_function("echo")
    link = function.client.get_function(FunctionName=function.name)["Code"]["Location"]
    flipped = link[:-1] + ("0" if link[-1] != "0" else "1")
    assert _fetch(flipped)[0] == 403
    assert _fetch(link.partition("?")[0])[0] == 403


def _fetch(link: str) -> tuple[int, bytes]:
    try:
        with urllib.request.urlopen(link, timeout=10) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def test_a_broken_constraint_is_told_in_awss_words(lambda_client: Any) -> None:
    with pytest.raises(lambda_client.exceptions.ClientError) as caught:
        lambda_client.create_function(
            FunctionName="x", Runtime="python3.12", Handler="app.handler", Role=ROLE,
            Timeout=300_000, Code={"ZipFile": make_zip(zoo_files("echo"))},
        )  # fmt: skip
    error = caught.value.response["Error"]
    assert error["Code"] == "ValidationException"
    most = lambda_client.meta.service_model.shape_for("Timeout").metadata["max"]
    assert error["Message"] == (
        "1 validation error detected: Value '300000' at 'timeout' failed to satisfy constraint: "
        f"Member must have value less than or equal to {most}"
    )


def test_unsupported_operations_are_refused_by_name(
    server: LocalServer, client_for: Callable[..., Any]
) -> None:
    # Given a client that retries what can be retried
    client = client_for("logs", server, attempts=3)
    calls: list[tuple[str, dict[str, str]]] = [
        ("describe_destinations", {}),
        ("describe_deliveries", {}),
    ]
    for method, parameters in calls:
        # When
        with pytest.raises(client.exceptions.ClientError) as caught:
            getattr(client, method)(**parameters)
        # Then it names the operation, and was not tried again
        operation = client.meta.method_to_api_mapping[method]
        response = caught.value.response
        assert operation in response["Error"]["Message"]
        assert response["ResponseMetadata"]["HTTPStatusCode"] == 501
        assert response["ResponseMetadata"]["RetryAttempts"] == 0


def test_unsupported_parameters_are_refused_by_name(make_function: MakeFunction) -> None:
    with pytest.raises(Exception, match="AcceleratorConfig"):
        make_function("echo", AcceleratorConfig={"AcceleratorMemorySize": 1})


def test_a_service_that_is_not_served_is_told_so(
    server: LocalServer, client_for: Callable[..., Any]
) -> None:
    client = client_for("sqs", server)
    with pytest.raises(client.exceptions.ClientError) as caught:
        client.list_queues()
    assert 400 <= caught.value.response["ResponseMetadata"]["HTTPStatusCode"] < 600
    assert caught.value.response["Error"]["Message"]


def test_the_caller_is_whom_the_access_key_names(
    server: LocalServer, client_for: Callable[..., Any]
) -> None:
    for key, account in (("test", ACCOUNT), ("123456789012", "123456789012")):
        identity = client_for("sts", server, access_key_id=key).get_caller_identity()
        assert identity["Account"] == account


def test_the_server_says_that_it_is_well(server: LocalServer) -> None:
    status, body = _fetch(f"{server.url}/_lambdad/health")
    assert status == 200
    assert b'"ready"' in body

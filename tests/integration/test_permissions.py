"""As the owner of a function or a layer I say which other accounts may use it."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lambdad.model.function import Code
from lambdad.model.layer import LayerVersion
from lambdad.store.database import Database
from lambdad.store.resources import Resources
from lambdad.testing.server import LocalServer
from support.clients import ACCOUNT, REGION
from support.functions import DeployedFunction

pytestmark = pytest.mark.slow

STRANGER = "111111111111"


@pytest.fixture(scope="module")
def function(
    deploy: Callable[..., DeployedFunction], namespaces_server: LocalServer
) -> Iterator[DeployedFunction]:
    """A function with version 1 and the alias `live`, for all tests of this file."""
    function = deploy(namespaces_server, "echo")
    function.client.publish_version(FunctionName=function.name)
    function.client.create_alias(FunctionName=function.name, Name="live", FunctionVersion="1")
    yield function
    function.client.delete_function(FunctionName=function.name)


@pytest.fixture
def stranger(client_for: Callable[..., Any], namespaces_server: LocalServer) -> Any:
    """Another account's client."""
    return client_for("lambda", namespaces_server, access_key_id=STRANGER)


@pytest.fixture
def grant(function: DeployedFunction) -> Iterator[Callable[..., dict[str, Any]]]:
    """Calls AddPermission for the stranger; what was granted is revoked after the test."""
    granted: list[dict[str, Any]] = []

    def grant(**changes: Any) -> dict[str, Any]:
        named = {"FunctionName": function.name, "StatementId": uuid.uuid4().hex}
        plain = {**named, "Action": "lambda:InvokeFunction", "Principal": STRANGER}
        request = {**plain, **changes}
        answer: dict[str, Any] = function.client.add_permission(**request)
        granted.append({k: request[k] for k in (*named, "Qualifier") if k in request})
        return answer

    yield grant
    for each in granted:
        function.client.remove_permission(**each)


def call(client: Any, arn: str) -> Any:
    """What the function answers."""
    answer = client.invoke(FunctionName=arn, Payload=b'{"a": 1}')
    return json.loads(answer["Payload"].read())


def refusal(call: Callable[..., Any], **request: Any) -> tuple[str, str]:
    """Code and message of the error that a call ends with."""
    with pytest.raises(ClientError) as caught:
        call(**request)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def denial(arn: str, action: str = "InvokeFunction") -> tuple[str, str]:
    return (
        "AccessDeniedException",
        f"User: arn:aws:iam::{STRANGER}:root is not authorized to perform: lambda:{action} on "
        f"resource: {arn} because no resource-based policy allows the lambda:{action} action",
    )


def test_another_account_invokes_once_granted_and_until_revoked(
    function: DeployedFunction, stranger: Any
) -> None:
    # Given
    assert refusal(stranger.invoke, FunctionName=function.arn) == denial(function.arn)
    # When
    permission = {"FunctionName": function.name, "StatementId": "stranger"}
    added = function.client.add_permission(
        **permission, Action="lambda:InvokeFunction", Principal=STRANGER
    )
    # Then
    assert added["ResponseMetadata"]["HTTPStatusCode"] == 201
    assert call(stranger, function.arn) == {"a": 1}
    # And when
    removed = function.client.remove_permission(**permission)
    # Then
    assert removed["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert refusal(stranger.invoke, FunctionName=function.arn) == denial(function.arn)
    nothing = f"{function.arn}-not-there"
    assert refusal(stranger.invoke, FunctionName=nothing) == denial(nothing)


def test_the_policy_is_written_as_aws_writes_it(
    function: DeployedFunction, grant: Callable[..., dict[str, Any]]
) -> None:
    # When
    sns = {"StatementId": "sns", "Principal": "sns.amazonaws.com"}
    added = grant(**sns, SourceArn=f"arn:aws:sns:{REGION}:{ACCOUNT}:topic", SourceAccount=ACCOUNT)
    # Then
    statement = (
        '{"Sid":"sns","Effect":"Allow","Principal":{"Service":"sns.amazonaws.com"},'
        f'"Action":"lambda:InvokeFunction","Resource":"{function.arn}","Condition":'
        f'{{"StringEquals":{{"AWS:SourceAccount":"{ACCOUNT}"}},'
        f'"ArnLike":{{"AWS:SourceArn":"arn:aws:sns:{REGION}:{ACCOUNT}:topic"}}}}}}'
    )
    assert added["Statement"] == statement
    found = function.client.get_policy(FunctionName=function.name)
    assert found["Policy"] == (
        f'{{"Version":"2012-10-17","Id":"default","Statement":[{statement}]}}'
    )
    assert uuid.UUID(found["RevisionId"])


def test_a_grant_on_an_alias_is_for_the_alias_alone(
    function: DeployedFunction, stranger: Any, grant: Callable[..., dict[str, Any]]
) -> None:
    grant(Qualifier="live")
    assert call(stranger, f"{function.arn}:live") == {"a": 1}
    for other in (function.arn, f"{function.arn}:1"):
        assert refusal(stranger.invoke, FunctionName=other) == denial(other)


def test_a_condition_on_the_source_does_not_hold_for_a_plain_caller(
    function: DeployedFunction, stranger: Any, grant: Callable[..., dict[str, Any]]
) -> None:
    grant(Principal="*", SourceAccount=STRANGER)
    assert refusal(stranger.invoke, FunctionName=function.arn) == denial(function.arn)


def test_other_actions_can_be_granted_too(
    function: DeployedFunction, stranger: Any, grant: Callable[..., dict[str, Any]]
) -> None:
    grant(Action="lambda:GetFunctionConfiguration")
    found = stranger.get_function_configuration(FunctionName=function.arn)
    assert found["FunctionArn"] == function.arn
    code, _ = refusal(stranger.delete_function, FunctionName=function.arn)
    assert code == "AccessDeniedException"


def test_permissions_have_guards(
    function: DeployedFunction, grant: Callable[..., dict[str, Any]]
) -> None:
    client, named = function.client, {"FunctionName": function.name}
    assert refusal(client.get_policy, **named)[0] == "ResourceNotFoundException"
    grant(StatementId="one")
    add = {**named, "StatementId": "one", "Action": "lambda:*", "Principal": "*"}
    assert refusal(client.add_permission, **add)[0] == "ResourceConflictException"
    stale = {**add, "StatementId": "two", "RevisionId": "old"}
    assert refusal(client.add_permission, **stale)[0] == "PreconditionFailedException"
    of_latest = {**add, "StatementId": "two", "Qualifier": "$LATEST"}
    assert refusal(client.add_permission, **of_latest)[0] == "InvalidParameterValueException"
    bad_action = {**add, "Action": "s3:GetObject"}
    assert refusal(client.add_permission, **bad_action)[0] == "ValidationException"
    missing = {**named, "StatementId": "none"}
    assert refusal(client.remove_permission, **missing)[0] == "ResourceNotFoundException"


def test_a_whole_policy_is_put_obeyed_and_deleted(
    function: DeployedFunction, stranger: Any
) -> None:
    # Given
    client, arn = function.client, function.arn
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": STRANGER},
        "Action": "lambda:Invoke*",
        "Resource": arn,
    }
    policy = {"Version": "2012-10-17", "Id": "größer", "Statement": [statement]}
    # When
    put = client.put_resource_policy(ResourceArn=arn, Policy=json.dumps(policy))
    # Then
    assert json.loads(put["Policy"]) == policy
    assert call(stranger, arn) == {"a": 1}
    found = client.get_resource_policy(ResourceArn=arn)
    assert (found["Policy"], found["RevisionId"]) == (put["Policy"], put["RevisionId"])
    # And when
    policy["Statement"] = [statement, {**statement, "Effect": "Deny", "Principal": "*"}]
    put = client.put_resource_policy(
        ResourceArn=arn, Policy=json.dumps(policy), RevisionId=put["RevisionId"]
    )
    # Then
    for caller in (stranger, client):
        code, message = refusal(caller.invoke, FunctionName=arn)
        assert code == "AccessDeniedException"
        assert message.endswith(f"{arn} with an explicit deny in a resource-based policy")
    # And when
    stale = {"ResourceArn": arn, "RevisionId": str(uuid.uuid4())}
    assert refusal(client.delete_resource_policy, **stale)[0] == "PreconditionFailedException"
    client.delete_resource_policy(ResourceArn=arn, RevisionId=put["RevisionId"])
    # Then
    assert refusal(client.get_resource_policy, ResourceArn=arn)[0] == "ResourceNotFoundException"
    assert call(client, arn) == {"a": 1}


@pytest.mark.parametrize(
    ("policy", "code"),
    [
        ("{", "InvalidParameterValueException"),
        ('{"\\ud800": 1}', "InvalidParameterValueException"),
        ("[" * 20_000, "InvalidParameterValueException"),
        ("x" * 20_481, "ValidationException"),
    ],
)
def test_a_policy_that_is_none_is_refused(
    function: DeployedFunction, policy: str, code: str
) -> None:
    put = function.client.put_resource_policy
    assert refusal(put, ResourceArn=function.arn, Policy=policy)[0] == code


def test_a_public_policy_is_refused(function: DeployedFunction) -> None:
    everybody = {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": function.arn}
    policy = json.dumps({"Version": "2012-10-17", "Statement": everybody})
    put = function.client.put_resource_policy
    assert refusal(put, ResourceArn=function.arn, Policy=policy)[0] == "PublicPolicyException"


def test_a_layer_version_has_permissions_of_its_own(
    start_server: Callable[..., LocalServer], client_for: Callable[..., Any]
) -> None:
    # Given
    server = start_server(sandbox="process")
    server.stop()
    asyncio.run(keep_layer_version(server.data_dir / "node" / "state.db"))
    server.start()
    owner = client_for("lambda", server)
    named = {"LayerName": "tools", "VersionNumber": 1}
    grant = {**named, "StatementId": "s", "Action": "lambda:GetLayerVersion"}
    # When
    added = owner.add_layer_version_permission(**grant, Principal=STRANGER)
    # Then
    arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:layer:tools"
    assert json.loads(added["Statement"]) == {
        "Sid": "s",
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{STRANGER}:root"},
        "Action": "lambda:GetLayerVersion",
        "Resource": f"{arn}:1",
    }
    found = owner.get_layer_version_policy(LayerName=arn, VersionNumber=1)
    assert found["Policy"] == (
        f'{{"Version":"2012-10-17","Id":"default","Statement":[{added["Statement"]}]}}'
    )
    assert found["RevisionId"] == added["RevisionId"]
    add, remove = owner.add_layer_version_permission, owner.remove_layer_version_permission
    assert refusal(add, **grant, Principal="*")[0] == "ResourceConflictException"
    assert refusal(add, **grant, Principal="nobody")[0] == "ValidationException"
    stranger = client_for("lambda", server, access_key_id=STRANGER)
    foreign = {"LayerName": arn, "VersionNumber": 1}
    assert refusal(stranger.get_layer_version_policy, **foreign)[0] == "AccessDeniedException"
    # And when
    removal = {**named, "StatementId": "s"}
    stale = refusal(remove, **removal, RevisionId="old")
    assert stale[0] == "PreconditionFailedException"
    remove(**removal, RevisionId=added["RevisionId"])
    # Then
    assert refusal(owner.get_layer_version_policy, **named)[0] == "ResourceNotFoundException"


async def keep_layer_version(path: Path) -> None:
    database = Database.open(path)
    resources = await Resources.load(database)
    await resources.save(LayerVersion(ACCOUNT, REGION, "tools", 1, Code("00" * 32, 1), 0.0))
    database.close()

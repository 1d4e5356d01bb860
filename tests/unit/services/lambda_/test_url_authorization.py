"""Who may call a function URL: everybody, who has signed, other accounts, and who is denied."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from lambdad.model.caller import Caller
from lambdad.model.function_url import FunctionUrl
from lambdad.model.web_request import WebRequest
from lambdad.services.lambda_.url_authorization import may_call
from support.control_plane import ACCOUNT, REGION, Plane

STRANGER = "222222222222"
ARN = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:echo"
REQUEST = WebRequest(
    "GET", "/", "", {"user-agent": "test/1"}, b"", "h.localhost", "192.0.2.1", scheme="https"
)
URL = FunctionUrl(
    account_id=ACCOUNT,
    region=REGION,
    function_name="echo",
    qualifier=None,
    url_id="a" * 32,
    auth_type="NONE",
    created=0.0,
    last_modified=0.0,
)
SIGNED = replace(URL, auth_type="AWS_IAM")
OWNER = Caller(ACCOUNT, REGION, "AKIA1")
OTHER = Caller(STRANGER, REGION, "AKIA2")
USER = replace(OTHER, user=f"arn:aws:iam::{STRANGER}:user/team/ann", principal_id="AIDA1")
SESSION = replace(OTHER, role=f"arn:aws:iam::{STRANGER}:role/r", session_name="s1")
# Of another account that names a role of the owner's as its own
PRETENDER = replace(OTHER, role=f"arn:aws:iam::{ACCOUNT}:role/r", session_name="s1")
HERE = {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}  # else it would be public


@pytest.fixture
async def echo(plane: Plane) -> Plane:
    await plane.create("echo", Publish=True)
    await plane("CreateAlias", FunctionName="echo", Name="live", FunctionVersion="1")
    return plane


async def allow(plane: Plane, *actions: str, **more: Any) -> None:
    for action in actions or ("InvokeFunctionUrl", "InvokeFunction"):
        request = {"FunctionName": "echo", "StatementId": action, "Principal": "*"}
        await plane("AddPermission", **{**request, "Action": f"lambda:{action}", **more})


async def put_policy(plane: Plane, *statements: dict[str, Any]) -> None:
    usual = {"Effect": "Allow", "Principal": "*", "Action": "lambda:*", "Resource": ARN}
    merged = [
        {**usual, **each, "Condition": {**HERE, **each.get("Condition", {})}} for each in statements
    ]
    document = json.dumps({"Version": "2012-10-17", "Statement": merged})
    await plane("PutResourcePolicy", ResourceArn=ARN, Policy=document)


def may(plane: Plane, url: FunctionUrl, caller: Caller | None = None, **changes: Any) -> bool:
    return may_call(plane.control, url, replace(REQUEST, **changes), caller)


async def test_without_a_policy_the_account_itself_may_and_nobody_else(echo: Plane) -> None:
    assert may(echo, SIGNED, OWNER)
    assert may(echo, SIGNED, replace(OWNER, user=f"arn:aws:iam::{ACCOUNT}:user/ann"))
    assert not may(echo, URL)
    for caller in (OTHER, USER, SESSION, PRETENDER):
        assert not may(echo, SIGNED, caller)


@pytest.mark.parametrize("action", ["InvokeFunctionUrl", "InvokeFunction"])
async def test_everybody_needs_both_actions(echo: Plane, action: str) -> None:
    await allow(echo, action)
    assert not may(echo, URL)
    await allow(echo, *({"InvokeFunctionUrl", "InvokeFunction"} - {action}))
    assert may(echo, URL)
    await echo("RemovePermission", FunctionName="echo", StatementId=action)
    assert not may(echo, URL)


async def test_what_is_allowed_to_one_is_not_allowed_to_everybody(echo: Plane) -> None:
    await allow(echo, Principal=STRANGER)
    assert not may(echo, URL)
    assert may(echo, SIGNED, OTHER)
    assert not may(echo, SIGNED, replace(OTHER, account_id="333333333333"))


@pytest.mark.parametrize("caller", [OTHER, USER, SESSION])
@pytest.mark.parametrize("action", ["InvokeFunctionUrl", "InvokeFunction"])
async def test_another_account_needs_both_actions(echo: Plane, caller: Caller, action: str) -> None:
    await allow(echo, action, Principal=STRANGER)
    assert not may(echo, SIGNED, caller)
    await allow(echo, *({"InvokeFunctionUrl", "InvokeFunction"} - {action}), Principal=STRANGER)
    assert may(echo, SIGNED, caller)


async def test_a_user_or_a_role_may_be_named(echo: Plane) -> None:
    for caller, principal in ((USER, USER.user), (SESSION, SESSION.role)):
        await put_policy(echo, {"Principal": {"AWS": principal}})
        assert may(echo, SIGNED, caller)
        assert not may(echo, SIGNED, OTHER)


async def test_who_is_said_to_be_a_role_of_ours_is_not(echo: Plane) -> None:
    await put_policy(echo, {"Principal": {"AWS": PRETENDER.role}})
    assert not may(echo, SIGNED, PRETENDER)


async def test_an_alias_has_a_policy_of_its_own(echo: Plane) -> None:
    alias = replace(URL, qualifier="live")
    await allow(echo)
    assert (may(echo, URL), may(echo, alias)) == (True, False)
    await allow(echo, Qualifier="live")
    assert may(echo, alias)


@pytest.mark.parametrize(
    ("condition", "is_met"),
    [
        ({"StringEquals": {"lambda:FunctionUrlAuthType": "NONE"}}, True),
        ({"StringEquals": {"lambda:FunctionUrlAuthType": "AWS_IAM"}}, False),
        ({"Bool": {"lambda:InvokedViaFunctionUrl": "true"}}, True),
        ({"Bool": {"aws:SecureTransport": "true"}}, True),
        ({"NotIpAddress": {"aws:SourceIp": "192.0.2.1"}}, False),
        ({"StringLike": {"aws:UserAgent": "test/*"}}, True),
        ({"StringEquals": {"aws:RequestedRegion": "eu-west-1"}}, False),
        ({"Null": {"aws:PrincipalArn": "true"}}, True),
        ({"Null": {"aws:PrincipalAccount": "false"}}, False),
    ],
    ids=str,
)
async def test_conditions_are_asked(echo: Plane, condition: dict[str, Any], is_met: bool) -> None:
    await put_policy(echo, {"Condition": condition})
    assert may(echo, URL) is is_met
    await put_policy(echo, {}, {"Effect": "Deny", "Condition": condition})
    assert may(echo, URL) is not is_met


async def test_where_and_how_it_comes_from_counts(echo: Plane) -> None:
    await put_policy(echo, {"Condition": {"Bool": {"aws:SecureTransport": "true"}}})
    assert may(echo, URL)
    assert not may(echo, URL, scheme="http")
    assert not may(echo, URL, source_ip="198.51.100.1")


@pytest.mark.parametrize("action", ["lambda:InvokeFunctionUrl", "lambda:InvokeFunction"])
async def test_a_deny_of_either_holds_for_the_account_itself(echo: Plane, action: str) -> None:
    await put_policy(echo, {"Effect": "Deny", "Action": action})
    assert not may(echo, SIGNED, OWNER)
    await put_policy(echo, {"Effect": "Deny", "Action": action, "Principal": {"AWS": STRANGER}})
    assert may(echo, SIGNED, OWNER)
    assert not may(echo, SIGNED, OTHER)

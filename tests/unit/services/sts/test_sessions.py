"""Temporary credentials: of a role, of a user, of the account itself."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from lambdad.model.caller import Caller
from lambdad.model.session import Session
from lambdad.services import sts
from support.control_plane import refused
from support.identity import ALLOWED, Identity

ROLE = "arn:aws:iam::123456789012:role/app/orders"


@pytest.fixture
async def role(iam: Identity) -> dict[str, Any]:
    return await iam.create_role(Path="/app/", MaxSessionDuration=7200)


async def assume(iam: Identity, **request: Any) -> dict[str, Any]:
    return await iam("AssumeRole", **{"RoleArn": ROLE, "RoleSessionName": "s1", **request})


async def test_a_session_acts_as_its_role(iam: Identity, role: dict[str, Any]) -> None:
    # When another account assumes the role
    answer = await assume(
        iam,
        account_id="999999999999",
        SourceIdentity="ann",
        Policy=ALLOWED,
        PolicyArns=[{"arn": "arn:aws:iam::aws:policy/ReadOnlyAccess"}],
        Tags=[{"Key": "k", "Value": "v"}],
    )
    # Then
    credentials = answer.pop("Credentials")
    assert answer == {
        "AssumedRoleUser": {
            "AssumedRoleId": f"{role['RoleId']}:s1",
            "Arn": "arn:aws:sts::123456789012:assumed-role/orders/s1",
        },
        "SourceIdentity": "ann",
    }
    assert re.fullmatch("ASIA[A-Z2-7]{16}", credentials["AccessKeyId"])
    assert len(credentials["SecretAccessKey"]) == 40
    assert credentials["Expiration"] == int(iam.clock.now()) + 3600
    assert await iam("GetCallerIdentity", key=credentials["AccessKeyId"]) == {
        "UserId": f"{role['RoleId']}:s1",
        "Account": "123456789012",
        "Arn": "arn:aws:sts::123456789012:assumed-role/orders/s1",
    }
    session = iam.sessions.find(credentials["AccessKeyId"])
    assert session is not None
    assert (session.policy, session.tags) == (ALLOWED, {"k": "v"})
    assert session.policy_arns == ("arn:aws:iam::aws:policy/ReadOnlyAccess",)
    assert credentials["SecretAccessKey"] not in repr(session)
    assert credentials["SessionToken"] not in repr(session)


async def test_a_session_outlives_a_restart_and_ends_in_time(
    open_iam: Callable[[], Awaitable[Identity]],
) -> None:
    # Given
    before = await open_iam()
    await before.create_role(Path="/app/")
    key = (await assume(before, DurationSeconds=900))["Credentials"]["AccessKeyId"]
    # When
    after = await open_iam()
    # Then
    after.clock.advance(899)
    assert (await after("GetCallerIdentity", key=key))["Account"] == "123456789012"
    after.clock.advance(1)
    await refused(
        after("GetCallerIdentity", key=key),
        "ExpiredTokenException",
        "The security token included in the request is expired",
    )


async def test_a_session_is_forgotten_a_day_after_its_end(
    iam: Identity, role: dict[str, Any]
) -> None:
    for hours in (0, 24, 1):
        iam.clock.advance(hours * 3600 + 1)
        await assume(iam)
        assert len(iam.resources.all(Session)) == (1 if hours == 0 else 2)


@pytest.mark.parametrize(
    ("request_", "code", "message"),
    [
        ({"RoleArn": "arn:aws:iam::123456789012:user/ann"}, "ValidationException", None),
        ({"RoleArn": "a" * 20}, "ValidationException", "aaaaaaaaaaaaaaaaaaaa is invalid"),
        (
            {"RoleArn": "arn:aws:iam::123456789012:role/orders"},
            "AccessDeniedException",
            "User: arn:aws:iam::123456789012:root is not authorized to perform: sts:AssumeRole "
            "on resource: arn:aws:iam::123456789012:role/orders",
        ),
        (
            {"DurationSeconds": 7201},
            "ValidationException",
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
        ),
        ({"Policy": "{"}, "MalformedPolicyDocumentException", "Syntax errors in policy."),
        (
            {"Policy": ALLOWED + " " * 2048},
            "PackedPolicyTooLargeException",
            "The session policy has more than 2048 characters.",
        ),
        ({"PolicyArns": [{"arn": ROLE}] * 11}, "ValidationException", None),
    ],
)
async def test_a_session_that_cannot_be_is_refused(
    iam: Identity,
    role: dict[str, Any],
    request_: dict[str, Any],
    code: str,
    message: str | None,
) -> None:
    await refused(assume(iam, **request_), code, message)
    assert iam.resources.all(Session) == ()


async def test_a_function_assumes_no_role_of_another_account(
    iam: Identity, role: dict[str, Any]
) -> None:
    own = Caller("123456789012", "us-east-1", "ASIA1", "env-1", ROLE, "function")
    other = replace(own, account_id="999999999999")
    assert (await assume(iam, caller=own))["AssumedRoleUser"]
    await refused(assume(iam, caller=other), "AccessDeniedException")
    assert len(iam.resources.all(Session)) == 1


async def test_who_acts_as_a_role_assumes_another_for_an_hour_at_most(
    iam: Identity, role: dict[str, Any]
) -> None:
    key = (await assume(iam))["Credentials"]["AccessKeyId"]
    await assume(iam, key=key, DurationSeconds=3600)
    await refused(assume(iam, key=key, DurationSeconds=3601), "ValidationException")


async def test_a_session_of_a_user_is_the_user(iam: Identity) -> None:
    # Given
    user = (await iam("CreateUser", UserName="ann"))["User"]
    key = (await iam("CreateAccessKey", UserName="ann"))["AccessKey"]["AccessKeyId"]
    # When
    credentials = (await iam("GetSessionToken", key=key))["Credentials"]
    # Then
    assert credentials["Expiration"] == int(iam.clock.now()) + 43_200
    identity = await iam("GetCallerIdentity", key=credentials["AccessKeyId"])
    assert (identity["UserId"], identity["Arn"]) == (user["UserId"], user["Arn"])
    for operation in ("GetSessionToken", "GetFederationToken"):
        await refused(
            iam(operation, key=credentials["AccessKeyId"], Name="bob"),
            "AccessDeniedException",
            f"Cannot call {operation} with session credentials",
        )


async def test_a_session_of_the_account_lasts_an_hour(iam: Identity) -> None:
    credentials = (await iam("GetSessionToken"))["Credentials"]
    assert credentials["Expiration"] == int(iam.clock.now()) + 3600
    identity = await iam("GetCallerIdentity", key=credentials["AccessKeyId"])
    assert identity["Arn"] == "arn:aws:iam::123456789012:root"


async def test_a_federated_user_has_a_name_of_its_own(iam: Identity) -> None:
    answer = await iam("GetFederationToken", Name="bob", DurationSeconds=900, Policy=ALLOWED)
    federated = answer["FederatedUser"]
    assert federated == {
        "FederatedUserId": "123456789012:bob",
        "Arn": "arn:aws:sts::123456789012:federated-user/bob",
    }
    key = answer["Credentials"]["AccessKeyId"]
    assert await iam("GetCallerIdentity", key=key) == {
        "UserId": "123456789012:bob",
        "Account": "123456789012",
        "Arn": federated["Arn"],
    }
    await refused(iam("GetUser", key=key), "ValidationException")
    await refused(
        iam("GetFederationToken", Name="bob", Policy=json.dumps({})),
        "MalformedPolicyDocumentException",
    )


def test_keys_that_nobody_has_are_nobodys(iam: Identity) -> None:
    for key in ("test", "123456789012", "AKIAIOSFODNN7EXAMPLE", "ASIAQNZGKIQY56JQ7WML"):
        assert sts.identify(iam.sessions, key, "us-east-1") is None


async def test_sessions_are_not_given_out_without_end(
    iam: Identity, role: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lambdad.services.sts.sessions.MOST_SESSIONS", 2)
    for _ in range(2):
        await assume(iam)
    await refused(assume(iam), "Throttling")

"""Which texts are policies that a resource may have."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lambdad.errors import ClientError
from lambdad.model.policy import PolicyDocument
from lambdad.model.policy_grammar import parse_policy

ARN = "arn:aws:lambda:us-east-1:111111111111:function:f"
STATEMENT = {
    "Sid": "s",
    "Effect": "Allow",
    "Principal": {"AWS": "222222222222"},
    "Action": "lambda:InvokeFunction",
    "Resource": ARN,
}


def policy(**changes: Any) -> str:
    """The text of a policy with one statement; None leaves an element out."""
    statement = {k: v for k, v in {**STATEMENT, **changes}.items() if v is not None}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def test_a_policy_is_kept_as_it_is() -> None:
    text = json.dumps({"Version": "2012-10-17", "Id": "mine", "Statement": [STATEMENT]})
    assert parse_policy(text, ARN) == PolicyDocument((STATEMENT,), "2012-10-17", "mine")


def test_one_statement_may_stand_alone_and_the_version_be_left_out() -> None:
    text = json.dumps({"Statement": STATEMENT})
    assert parse_policy(text, ARN) == PolicyDocument((STATEMENT,), "2008-10-17", None)


@pytest.mark.parametrize(
    "changes",
    [
        {"Sid": None},
        {"Effect": "Deny"},
        {"Principal": "*"},
        {"Principal": {"AWS": "*"}},
        {"Principal": {"AWS": ["222222222222", "arn:aws:iam::333333333333:role/r"]}},
        {"Principal": {"Service": "sns.amazonaws.com", "Federated": "accounts.google.com"}},
        {"Principal": None, "NotPrincipal": {"AWS": "222222222222"}},
        {"Action": ["lambda:Get*", "LAMBDA:invokefunction", "*"]},
        {"Action": None, "NotAction": "lambda:DeleteFunction"},
        {"Resource": "*"},
        {"Resource": [f"{ARN}:live", ARN]},
        {"Resource": None, "NotResource": f"{ARN}:*"},
        {"Condition": {}},
        {"Condition": {"ForAnyValue:StringLike": {"aws:x": ["a", "b"]}, "Null": {"y": True}}},
        {"Condition": {"NumericLessThan": {"aws:x": 1.5}}},
    ],
)
def test_what_a_statement_may_say(changes: dict[str, Any]) -> None:
    assert parse_policy(policy(**changes), ARN).statements


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "it is not JSON"),
        ("{", "it is not JSON"),
        ('{"Version": NaN}', "it is not JSON"),
        ("[" * 20_000, "it is nested too deeply"),
        ("[]", "it must be a JSON object"),
        ("{}", "each statement must be a JSON object"),
        ('{"Statement": []}', "at least one statement"),
        ('{"Statement": [5]}', "each statement must be a JSON object"),
        ('{"Statement": [], "Version": "2026-01-01"}', "Version must be 2012-10-17"),
        ('{"Statement": [], "Version": []}', "Version must be 2012-10-17"),
        ('{"Statement": [], "Id": 5}', "Id must be a string"),
        ('{"Statements": []}', "an element that the policy language has not: Statements"),
        (policy(Sids="s"), "an element that the policy language has not: Sids"),
        (policy(Sid=5), "Sid must be a string"),
        (policy(Effect="Maybe"), "Effect must be Allow or Deny"),
        (policy(Effect=None), "Effect must be Allow or Deny"),
        (policy(Effect=[]), "Effect must be Allow or Deny"),
        (policy(Principal=None), "one of Principal and NotPrincipal"),
        (policy(NotPrincipal="*"), "one of Principal and NotPrincipal"),
        (policy(Principal="222222222222"), "Principal must be * or an object"),
        (policy(Principal={}), "Principal must be * or an object"),
        (policy(Principal={"AWS": []}), "Principal must be a string or a list"),
        (policy(Principal={"AWS": "nobody"}), "the principal nobody is not valid"),
        (policy(Principal={"AWS": "sns.amazonaws.com"}), "sns.amazonaws.com is not valid"),
        (policy(Principal={"Service": "*"}), "the principal * is not valid"),
        (policy(Principal={"CanonicalUser": "abc"}), "the principal abc is not valid"),
        (policy(Action=None), "one of Action and NotAction"),
        (policy(Action="s3:GetObject"), "Action must name actions of Lambda"),
        (policy(Action=["lambda:Get Function"]), "Action must name actions of Lambda"),
        (policy(Action=[5]), "Action must be a string or a list"),
        (policy(Resource=None), "one of Resource and NotResource"),
        (policy(Resource=f"{ARN}:live"), f"the Resource of each statement must be {ARN}"),
        (policy(Resource=None, NotResource="*"), f"must be {ARN}"),
        (policy(Condition=[]), "Condition must be an object"),
        (policy(Condition={"StringIs": {"a": "b"}}), "no condition operator StringIs"),
        (policy(Condition={"Bool": {}}), "the condition Bool must name condition keys"),
        (policy(Condition={"Bool": {"a": []}}), "the values of the condition key a"),
        (policy(Condition={"Bool": {"a": {"b": 1}}}), "the values of the condition key a"),
        (policy(Condition={"Bool": {"a": 1}}).replace(": 1}", ": 1e999}"), "condition key a"),
        (
            json.dumps({"Statement": [STATEMENT, STATEMENT]}),
            "statement ids (Sid) must be unique",
        ),
    ],
)
def test_what_is_not_valid_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(ClientError) as caught:
        parse_policy(text, ARN)
    assert caught.value.code == "InvalidParameterValueException"
    assert reason in caught.value.message

"""Policies: rules of their decisions that hold whatever the statements say."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdad.errors import ClientError
from lambdad.model.conditions import are_met
from lambdad.model.policy import LayerPolicy, Policy, PolicyDocument
from lambdad.model.policy_grammar import parse_policy
from lambdad.model.policy_language import AccessRequest, evaluate
from lambdad.model.principal import Principal
from lambdad.model.public_access import is_public
from lambdad.store.documents import parse_resource, serialize_resource

pytestmark = pytest.mark.slow

ACCOUNTS = ("111111111111", "222222222222")
ARN = f"arn:aws:lambda:us-east-1:{ACCOUNTS[0]}:function:f"
ROLE = f"arn:aws:iam::{ACCOUNTS[1]}:role/r"
OPERATORS = ("StringEquals", "StringNotLike", "ArnLike", "BoolIfExists", "ForAllValues:StringLike")
KEYS = ("aws:sourceaccount", "aws:sourcearn", "aws:securetransport")

texts = st.text(st.characters())  # any, also surrogates
words = st.sampled_from(
    ["*", "Allow", "Deny", "AWS", "lambda:*", "${aws:x}", ARN, *ACCOUNTS, *OPERATORS, *KEYS]
)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | words | texts,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(words | texts, inner, max_size=3)
        | st.fixed_dictionaries({}, optional=dict.fromkeys(("Statement", "Effect"), inner))
    ),
    max_leaves=10,
)


def one_or_more(*values: str) -> st.SearchStrategy[Any]:
    return st.sampled_from(values) | st.lists(st.sampled_from(values), min_size=1, max_size=2)


principals = st.just("*") | st.fixed_dictionaries({"AWS": one_or_more("*", ROLE, *ACCOUNTS)})
conditions = st.dictionaries(
    st.sampled_from(OPERATORS),
    st.dictionaries(st.sampled_from(KEYS), one_or_more("true", "*", ARN, *ACCOUNTS), max_size=2),
    max_size=2,
)
statements = st.builds(
    lambda who, what, where, **more: {**more, **who, **what, **where},
    st.sampled_from(("Principal", "NotPrincipal")).flatmap(
        lambda name: st.fixed_dictionaries({name: principals})
    ),
    st.sampled_from(("Action", "NotAction")).flatmap(
        lambda name: st.fixed_dictionaries(
            {name: one_or_more("*", "lambda:*", "lambda:Get*", "lambda:invokefunction")}
        )
    ),
    st.sampled_from(("Resource", "NotResource")).flatmap(
        lambda name: st.fixed_dictionaries({name: one_or_more("*", ARN, f"{ARN}:*", f"{ARN}:1")})
    ),
    Effect=st.sampled_from(("Allow", "Allow", "Deny")),
    Condition=conditions,
)
lists = st.lists(statements, max_size=4)
identities = st.none() | st.lists(statements, max_size=2)
requests = st.builds(
    AccessRequest,
    principal=st.sampled_from(
        [
            Principal(),
            Principal(service="sns.amazonaws.com"),
            *(Principal(account_id=each, arn=f"arn:aws:iam::{each}:root") for each in ACCOUNTS),
            Principal(account_id=ACCOUNTS[1], arn=f"{ROLE}/session", role_arn=ROLE),
        ]
    ),
    action=st.sampled_from(["lambda:InvokeFunction", "lambda:GetFunction"]),
    resource=st.sampled_from([ARN, f"{ARN}:1"]),
    owner=st.sampled_from(ACCOUNTS),
    context=st.dictionaries(
        st.sampled_from(KEYS),
        st.lists(st.sampled_from(["true", ARN, *ACCOUNTS]), max_size=2).map(tuple),
        max_size=3,
    ),
)


def documents(statements: list[Any] | None) -> list[Any] | None:
    return None if statements is None else [{"Version": "2012-10-17", "Statement": statements}]


def decide(
    identity: list[Any] | None, resource: list[Any], request: AccessRequest
) -> tuple[bool, bool]:
    found = evaluate(documents(identity), documents(resource) or [], request)
    return found.is_allowed, found.is_denied


@given(identities, lists, requests, st.randoms(use_true_random=False))
def test_the_order_of_statements_never_matters(
    identity: list[Any] | None, resource: list[Any], request: AccessRequest, chance: random.Random
) -> None:
    shuffled = chance.sample(resource, len(resource))
    assert decide(identity, resource, request) == decide(identity, shuffled, request)


@given(identities, lists, requests)
def test_a_deny_always_wins(
    identity: list[Any] | None, resource: list[Any], request: AccessRequest
) -> None:
    denial = {"Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "*"}
    assert decide(identity, [*resource, denial], request) == (False, True)
    assert decide([*(identity or []), denial], resource, request) == (False, True)


@given(identities, lists, requests, statements)
def test_an_allow_never_takes_anything_away(
    identity: list[Any] | None, resource: list[Any], request: AccessRequest, more: dict[str, Any]
) -> None:
    allowing = {**more, "Effect": "Allow"}
    before = decide(identity, resource, request)
    after = decide(identity, [*resource, allowing], request)
    assert after[0] >= before[0]
    assert after[1] == before[1]


@given(identities, lists, requests)
def test_what_is_denied_is_not_allowed_and_strangers_need_the_resource(
    identity: list[Any] | None, resource: list[Any], request: AccessRequest
) -> None:
    is_allowed, is_denied = decide(identity, resource, request)
    assert not (is_allowed and is_denied)
    if request.principal.account_id != request.owner:
        assert decide(identity, [], request)[0] is False


@given(anything, anything, requests)
def test_it_never_fails_on_any_json(one: Any, other: Any, request: AccessRequest) -> None:
    evaluate([one], [other, {"Statement": other}], request)
    are_met(one, request.context, request.context)
    statement = {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": one}
    evaluate([], [{"Statement": {**statement, "Principal": other}}], request)


@given(anything, anything | lists)
def test_a_text_is_read_or_refused_and_what_is_read_can_be_kept(one: Any, listed: Any) -> None:
    for document in (one, {"Version": "2012-10-17", "Statement": listed}):
        try:
            parsed = parse_policy(json.dumps(document), ARN)
        except ClientError:
            continue
        is_public(parsed)
        policy = Policy("1", "r", "f", "id", parsed)
        assert parse_resource("policy", serialize_resource(policy)) == policy
        assert parse_policy(parsed.text, ARN).statements == parsed.statements


@given(lists)
def test_policies_survive_the_round_trip(listed: list[Any]) -> None:
    document = PolicyDocument(tuple(listed))
    for policy in (
        Policy("1", "r", "f:1", "id", document),
        LayerPolicy("1", "r", "l:1", "id", document),
    ):
        assert parse_resource(policy.kind, serialize_resource(policy)) == policy

"""The form of policy documents, and whom a trust policy trusts."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdad.model.iam.aws_managed import DOCUMENTS
from lambdad.model.policy_document import (
    fault_of_identity_policy,
    fault_of_managed_policy,
    fault_of_trust_policy,
    trusts,
)

SYNTAX = "Syntax errors in policy."
LAMBDA = "lambda.amazonaws.com"
ALLOW = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
TRUST = {"Effect": "Allow", "Principal": {"Service": LAMBDA}, "Action": "sts:AssumeRole"}


def policy(*statements: Any, **members: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements), **members})


def changed(statement: dict[str, Any], **members: Any) -> dict[str, Any]:
    """The statement with other members; None takes one away."""
    merged = {**statement, **members}
    return {name: value for name, value in merged.items() if value is not None}


@pytest.mark.parametrize(
    "text",
    [
        policy(ALLOW),
        policy(ALLOW, Id="x"),
        json.dumps({"Statement": ALLOW}),
        policy(changed(ALLOW, Action=None, NotAction=["iam:*", "sts:AssumeRole"])),
        policy(changed(ALLOW, Resource=None, NotResource="arn:aws:s3:::b/*")),
        policy(changed(ALLOW, Sid="One1"), changed(ALLOW, Sid="Two2"), ALLOW, ALLOW),
        policy(changed(ALLOW, Condition={"Bool": {"aws:SecureTransport": True, "a": ["b"]}})),
        policy(changed(ALLOW, Effect="Deny", Action="*")),
    ],
)
def test_a_policy_that_is_one_has_no_fault(text: str) -> None:
    assert fault_of_identity_policy(text) is None


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", SYNTAX),
        ("[]", SYNTAX),
        ("nonsense", SYNTAX),
        ("[" * 100_000, SYNTAX),
        ('{"Statement": NaN}', SYNTAX),
        ("1" * 10_000, SYNTAX),
        ("{}", SYNTAX),
        (policy(), SYNTAX),
        (policy("s"), SYNTAX),
        (policy(ALLOW, Version="2020-01-01"), SYNTAX),
        (policy(ALLOW, Version=["2012-10-17"]), SYNTAX),
        (policy(ALLOW, Id=1), SYNTAX),
        (policy(ALLOW, More=1), SYNTAX),
        (policy(changed(ALLOW, More=1)), SYNTAX),
        (policy(changed(ALLOW, Effect=None)), "Missing required field Effect"),
        (policy(changed(ALLOW, Effect="allow")), SYNTAX),
        (policy(changed(ALLOW, Effect=["Allow"])), SYNTAX),
        (policy(changed(ALLOW, NotAction="s3:*")), SYNTAX),
        (policy(changed(ALLOW, NotResource="*")), SYNTAX),
        (policy(changed(ALLOW, Action=[])), SYNTAX),
        (policy(changed(ALLOW, Action=[1])), SYNTAX),
        (policy(changed(ALLOW, Resource=[])), SYNTAX),
        (policy(changed(ALLOW, Condition=[])), SYNTAX),
        (policy(changed(ALLOW, Condition={"Bool": "x"})), SYNTAX),
        (policy(changed(ALLOW, Condition={"Bool": {"x": {}}})), SYNTAX),
        (policy(changed(ALLOW, Action=None)), "Policy statement must contain actions."),
        (policy(changed(ALLOW, Resource=None)), "Policy statement must contain resources."),
        (
            policy(changed(ALLOW, Resource="bucket")),
            'Resource bucket must be in ARN format or "*".',
        ),
        (
            policy(changed(ALLOW, Action="GetObject")),
            "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.",
        ),
        (
            policy(changed(ALLOW, Principal="*")),
            "Policy document should not specify a principal.",
        ),
        (
            policy(changed(ALLOW, Sid="a"), changed(ALLOW, Sid="a")),
            "Statement IDs (SID) in a single policy must be unique.",
        ),
        (
            policy(changed(ALLOW, Sid="a b")),
            "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the "
            "regular expression [0-9A-Za-z]*",
        ),
    ],
)
def test_a_fault_is_told(text: str, fault: str) -> None:
    assert fault_of_identity_policy(text) == fault


def test_a_managed_policy_is_of_the_current_version() -> None:
    assert fault_of_managed_policy(policy(ALLOW)) is None
    assert fault_of_managed_policy("[]") == SYNTAX
    for text in (json.dumps({"Statement": ALLOW}), policy(ALLOW, Version="2008-10-17")):
        assert fault_of_managed_policy(text) == (
            "Policy document must be version 2012-10-17 or greater."
        )


@pytest.mark.parametrize(
    ("statement", "fault"),
    [
        (TRUST, None),
        (changed(TRUST, Principal="*"), None),
        (changed(TRUST, Principal={"AWS": ["123456789012"], "Federated": "x"}), None),
        (changed(TRUST, Action=["sts:AssumeRole", "sts:TagSession"]), None),
        (changed(TRUST, Principal=None), "Missing required field Principal"),
        (changed(TRUST, Action=None), "Missing required field Action"),
        (changed(TRUST, Resource="*"), "Has prohibited field Resource"),
        (changed(TRUST, Principal={}), "Invalid principal in policy."),
        (changed(TRUST, Principal=LAMBDA), "Invalid principal in policy."),
        (changed(TRUST, Principal={"Planet": "x"}), "Invalid principal in policy."),
        (changed(TRUST, Principal={"Service": []}), "Invalid principal in policy."),
        (
            changed(TRUST, Action="s3:GetObject"),
            "AssumeRole policy may only specify STS AssumeRole actions.",
        ),
    ],
)
def test_a_trust_policy_names_who_may_assume(statement: dict[str, Any], fault: str | None) -> None:
    assert fault_of_trust_policy(policy(statement)) == fault


@pytest.mark.parametrize(
    ("statements", "is_trusted"),
    [
        ([TRUST], True),
        ([changed(TRUST, Principal={"Service": ["ec2.amazonaws.com", LAMBDA]})], True),
        ([changed(TRUST, Action="sts:*")], True),
        ([changed(TRUST, Action=["sts:TagSession", "STS:assumerole"])], True),
        ([changed(TRUST, Principal="*")], True),
        ([changed(TRUST, Condition={"StringEquals": {"aws:SourceAccount": "1"}})], True),
        ([changed(TRUST, Action=None, NotAction="sts:TagSession")], True),
        ([], False),
        ([changed(TRUST, Effect="Deny")], False),
        ([TRUST, changed(TRUST, Effect="Deny")], False),
        ([TRUST, changed(TRUST, Effect="Deny", Condition={"Bool": {"a": "true"}})], True),
        ([changed(TRUST, Principal={"Service": "ec2.amazonaws.com"})], False),
        ([changed(TRUST, Principal={"AWS": LAMBDA})], False),
        ([changed(TRUST, Action="sts:TagSession")], False),
        ([changed(TRUST, Action=None, NotAction="sts:*")], False),
    ],
)
def test_whom_a_trust_policy_trusts(statements: list[dict[str, Any]], is_trusted: bool) -> None:
    assert trusts(policy(*statements), LAMBDA) is is_trusted


def test_the_documents_of_awss_policies_have_no_fault() -> None:
    assert DOCUMENTS
    assert {fault_of_managed_policy(text) for text in DOCUMENTS.values()} == {None}


values = st.recursive(
    st.none()
    | st.booleans()
    | st.floats()
    | st.sampled_from(["*", "Allow", "Deny", "sts:AssumeRole", LAMBDA, "2012-10-17"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    *("Version", "Statement", "Effect", "Action", "Resource", "Principal"),
                    *("Service", "NotAction", "NotPrincipal", "Condition", "Sid"),
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(values | values.map(lambda value: {"Statement": value}))
def test_any_json_is_judged(value: Any) -> None:
    text = json.dumps(value)
    for fault_of in (fault_of_identity_policy, fault_of_managed_policy, fault_of_trust_policy):
        fault = fault_of(text)
        assert fault is None or fault.strip()
    if fault_of_trust_policy(text) is None:
        trusts(text, LAMBDA)


@given(st.text())
def test_any_text_is_judged(text: str) -> None:
    assert fault_of_trust_policy(text) is not None

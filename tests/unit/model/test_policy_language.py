"""Who may do what: the decisions of policies."""

from __future__ import annotations

from typing import Any

import pytest

from lambdad.model.policy_language import AccessRequest, evaluate
from lambdad.model.principal import Principal

OWNER, OTHER = "111111111111", "222222222222"
ARN = f"arn:aws:lambda:us-east-1:{OWNER}:function:f"
ROLE = f"arn:aws:iam::{OWNER}:role/path/worker"
SESSION = f"arn:aws:sts::{OWNER}:assumed-role/worker/one"
ROOT = Principal(account_id=OWNER, arn=f"arn:aws:iam::{OWNER}:root")
STRANGER = Principal(account_id=OTHER, arn=f"arn:aws:iam::{OTHER}:root")
WORKER = Principal(account_id=OWNER, arn=SESSION, role_arn=ROLE)
USER = Principal(account_id=OWNER, arn=f"arn:aws:iam::{OWNER}:user/ann")
SNS = Principal(service="sns.amazonaws.com")
NOBODY = Principal()


def request(principal: Principal, **more: Any) -> AccessRequest:
    asked = {"action": "lambda:InvokeFunction", "resource": ARN, "owner": OWNER, **more}
    return AccessRequest(principal=principal, **asked)


def statement(**changes: Any) -> dict[str, Any]:
    plain = {"Effect": "Allow", "Principal": "*", "Action": "lambda:InvokeFunction"}
    found = {**plain, "Resource": ARN, **changes}
    return {name: value for name, value in found.items() if value is not None}


def document(*statements: dict[str, Any], version: str = "2012-10-17") -> dict[str, Any]:
    return {"Version": version, "Statement": list(statements)}


def allows(principal: Principal, *, of: list[Any] | None = None, **changes: Any) -> bool:
    """Whether one statement of the resource's policy lets this principal in; without `of`, the
    policies of identities allow nothing."""
    found = evaluate(of or [], [document(statement(**changes))], request(principal))
    return found.is_allowed


NOTHING = document(statement(Action="lambda:GetFunction", Principal=None))
ALL = document({"Effect": "Allow", "Action": "*", "Resource": "*"})


@pytest.mark.parametrize(
    ("principal", "element"),
    [
        (STRANGER, "*"),
        (STRANGER, {"AWS": "*"}),
        (STRANGER, {"AWS": [OWNER, OTHER]}),
        (STRANGER, {"AWS": f"arn:aws:iam::{OTHER}:root"}),
        (WORKER, {"AWS": ROLE}),
        (WORKER, {"AWS": SESSION}),
        (ROOT, {"AWS": OWNER}),
        (SNS, {"Service": ["s3.amazonaws.com", "sns.amazonaws.com"]}),
        (SNS, "*"),
        (NOBODY, "*"),
        (Principal(federated="accounts.google.com"), {"Federated": "accounts.google.com"}),
    ],
)
def test_a_principal_that_is_named(principal: Principal, element: Any) -> None:
    assert allows(principal, of=[ALL], Principal=element)


@pytest.mark.parametrize(
    ("principal", "element"),
    [
        (STRANGER, {"AWS": OWNER}),
        (STRANGER, {"AWS": f"arn:aws:iam::{OTHER}:user/ann"}),
        (STRANGER, {"AWS": "arn:aws:iam::*:root"}),
        (STRANGER, {"Service": OTHER}),
        (STRANGER, None),
        (STRANGER, {}),
        (SNS, {"AWS": "sns.amazonaws.com"}),
        (SNS, {"Service": "s3.amazonaws.com"}),
        (NOBODY, {"AWS": OWNER}),
    ],
)
def test_a_principal_that_is_not_named(principal: Principal, element: Any) -> None:
    assert not allows(principal, of=[ALL], Principal=element)


def test_within_an_account_either_policy_is_enough() -> None:
    assert evaluate([ALL], [], request(WORKER)).is_allowed
    assert evaluate([NOTHING], [document(statement())], request(WORKER)).is_allowed
    assert not evaluate([NOTHING], [], request(WORKER)).is_allowed
    assert not evaluate([], [], request(WORKER)).is_allowed


def test_an_account_that_allows_itself_leaves_it_to_its_own_policies() -> None:
    policy = document(statement(Principal={"AWS": OWNER}))
    assert not evaluate([], [policy], request(USER)).is_allowed
    assert evaluate([ALL], [policy], request(USER)).is_allowed
    assert evaluate([], [policy], request(ROOT)).is_allowed


def test_from_account_to_account_both_policies_are_needed() -> None:
    policy = document(statement(Principal={"AWS": OTHER}))
    assert evaluate([ALL], [policy], request(STRANGER)).is_allowed
    assert not evaluate([ALL], [], request(STRANGER)).is_allowed
    assert not evaluate([NOTHING], [policy], request(STRANGER)).is_allowed


def test_policies_of_identities_that_are_not_enforced_allow_all() -> None:
    assert evaluate(None, [], request(WORKER)).is_allowed
    assert not evaluate(None, [], request(STRANGER)).is_allowed
    assert evaluate(None, [document(statement())], request(STRANGER)).is_allowed
    assert not evaluate(None, [], request(SNS)).is_allowed


def test_an_explicit_deny_wins_and_is_told() -> None:
    denial = statement(Effect="Deny", Sid="no")
    for policies in ([document(statement(), denial)], [document(denial), document(statement())]):
        decision = evaluate([ALL], policies, request(ROOT))
        assert (decision.is_allowed, decision.is_denied) == (False, True)
        assert decision.statement == denial
    denied_itself = evaluate([document({**denial, "Principal": None})], [], request(ROOT))
    assert denied_itself.is_denied
    assert not evaluate([], [], request(ROOT)).is_denied


def test_the_statement_that_allows_is_told() -> None:
    allowing = statement(Sid="yes")
    assert evaluate([], [document(allowing)], request(SNS)).statement == allowing
    assert evaluate(None, [], request(ROOT)).statement is None


def test_a_deny_for_an_account_is_for_all_of_it() -> None:
    denial = document(statement(Effect="Deny", Principal={"AWS": OWNER}))
    assert evaluate([ALL], [denial], request(WORKER)).is_denied


def test_whom_not_principal_spares() -> None:
    spares_worker = {"AWS": [f"arn:aws:iam::{OWNER}:root", ROLE, SESSION]}
    denial = document(statement(Effect="Deny", Principal=None, NotPrincipal=spares_worker))
    assert evaluate([ALL], [denial], request(WORKER)).is_allowed
    assert evaluate([ALL], [denial], request(ROOT)).is_allowed
    assert evaluate([ALL], [denial], request(USER)).is_denied
    assert evaluate([ALL], [denial, document(statement())], request(STRANGER)).is_denied
    role_alone = document(statement(Effect="Deny", Principal=None, NotPrincipal={"AWS": ROLE}))
    assert evaluate([ALL], [role_alone], request(WORKER)).is_denied


@pytest.mark.parametrize(
    ("principal", "element", "is_allowed"),
    [
        (STRANGER, {"AWS": OWNER}, True),
        (STRANGER, {"AWS": OTHER}, False),
        (STRANGER, "*", False),
        (STRANGER, {}, False),
        (SNS, {"AWS": OWNER}, True),
    ],
)
def test_whom_not_principal_lets_in(principal: Principal, element: Any, is_allowed: bool) -> None:
    found = allows(principal, of=[ALL], Principal=None, NotPrincipal=element)
    assert found is is_allowed


def test_not_principal_keeps_out_the_sessions_of_a_role() -> None:
    policy = document(statement(Principal=None, NotPrincipal={"AWS": ROLE}))
    assert not evaluate([], [policy], request(WORKER)).is_allowed
    assert evaluate([], [policy], request(USER)).is_allowed


@pytest.mark.parametrize(
    ("changes", "is_allowed"),
    [
        ({"Action": "*"}, True),
        ({"Action": "lambda:*"}, True),
        ({"Action": "LAMBDA:invoke*"}, True),
        ({"Action": ["lambda:GetFunction", "lambda:InvokeFunctio?"]}, True),
        ({"Action": "lambda:Invoke"}, False),
        ({"Action": None}, False),
        ({"Action": None, "NotAction": "lambda:GetFunction"}, True),
        ({"Action": None, "NotAction": "lambda:Invoke*"}, False),
        ({"Action": None, "NotAction": 5}, False),
        ({"Resource": "*"}, True),
        ({"Resource": f"{ARN}*"}, True),
        ({"Resource": f"{ARN}:*"}, False),
        ({"Resource": f"{ARN}:live"}, False),
        ({"Resource": ARN.upper()}, False),
        ({"Resource": None}, False),
        ({"Resource": None, "NotResource": f"{ARN}:*"}, True),
        ({"Resource": None, "NotResource": ARN}, False),
        ({"Effect": "allow"}, False),
        ({"Effect": None}, False),
        ({"Condition": {"Bool": {"aws:SecureTransport": "true"}}}, False),
        ({"Condition": {}}, True),
        ({"Condition": []}, False),
    ],
)
def test_action_resource_effect_and_condition(changes: dict[str, Any], is_allowed: bool) -> None:
    assert allows(SNS, **changes) is is_allowed


def test_variables_belong_to_the_new_version_of_the_language() -> None:
    aimed = statement(Resource=ARN.replace(":f", ":${aws:name}"))
    asked = request(SNS, context={"aws:name": ("f",)})
    assert evaluate([], [document(aimed)], asked).is_allowed
    assert not evaluate([], [document(aimed, version="2008-10-17")], asked).is_allowed


def test_a_document_may_have_one_statement_alone() -> None:
    assert evaluate([], [{"Statement": statement()}], request(SNS)).is_allowed


@pytest.mark.parametrize("policy", [None, 5, [], "x", {}, {"Statement": [5, None]}])
def test_what_is_no_policy_allows_nothing(policy: Any) -> None:
    decision = evaluate([policy], [policy], request(ROOT))
    assert (decision.is_allowed, decision.is_denied) == (False, False)

"""Policy documents: whether one has the form that IAM wants, and whom a trust policy trusts.

What a document allows is decided elsewhere; here it is only read. Faults are told in IAM's words
as far as they are known.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any

from lambdad.model.strict_json import DECODER

CURRENT_VERSION = "2012-10-17"
ASSUME_ROLE = "sts:AssumeRole"

_SYNTAX = "Syntax errors in policy."
_VERSIONS = ("2008-10-17", CURRENT_VERSION)
_DOCUMENT = frozenset({"Version", "Id", "Statement"})
_STATEMENT = frozenset(
    {
        *("Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction"),
        *("Resource", "NotResource", "Condition"),
    }
)
_PRINCIPALS = frozenset({"AWS", "CanonicalUser", "Federated", "Service"})
_SID = re.compile("[0-9A-Za-z]*")
_ACTION = re.compile(r"\*|[a-zA-Z0-9-]+:[a-zA-Z0-9*?]+")

Statement = Mapping[str, Any]


def fault_of_managed_policy(text: str) -> str | None:
    """What is wrong with the document of a managed policy, if anything is."""
    document = _parse(text)
    if document is not None and document.get("Version") != CURRENT_VERSION:
        return f"Policy document must be version {CURRENT_VERSION} or greater."
    return fault_of_identity_policy(text)


def fault_of_identity_policy(text: str) -> str | None:
    """What is wrong with a document that says what its bearer may do, if anything is."""
    return _fault(text, _fault_of_permission)


def fault_of_trust_policy(text: str) -> str | None:
    """What is wrong with a document that says who may assume a role, if anything is."""
    return _fault(text, _fault_of_trust)


def trusts(text: str, service_principal: str) -> bool:
    """Whether a trust policy lets a service, such as `lambda.amazonaws.com`, assume the role.

    Conditions speak of a request that there is none of yet: an Allow counts with its conditions,
    a Deny only without.
    """
    document = _parse(text) or {}
    meant = [
        statement
        for statement in _statements(document)
        if _means(statement, service_principal) and _covers(statement, ASSUME_ROLE)
    ]
    is_denied = any(each["Effect"] == "Deny" and "Condition" not in each for each in meant)
    return not is_denied and any(each["Effect"] == "Allow" for each in meant)


def _parse(text: str) -> dict[str, Any] | None:
    try:
        document = DECODER.decode(text)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def _statements(document: Mapping[str, Any]) -> list[Any]:
    statements = document.get("Statement", [])
    return statements if isinstance(statements, list) else [statements]


def _fault(text: str, fault_of_statement: Callable[[Statement], str | None]) -> str | None:
    document = _parse(text)
    if document is None or not document.keys() <= _DOCUMENT:
        return _SYNTAX
    if document.get("Version", CURRENT_VERSION) not in _VERSIONS:
        return _SYNTAX
    if not isinstance(document.get("Id", ""), str) or not _statements(document):
        return _SYNTAX
    faults = (_fault_of_form(each) or fault_of_statement(each) for each in _statements(document))
    return next(filter(None, faults), None) or _fault_of_sids(_statements(document))


def _fault_of_form(statement: Any) -> str | None:
    """What is wrong with a statement of any policy."""
    if not isinstance(statement, dict) or not statement.keys() <= _STATEMENT:
        return _SYNTAX
    if "Effect" not in statement:
        return "Missing required field Effect"
    if statement["Effect"] not in ("Allow", "Deny"):
        return _SYNTAX
    sid = statement.get("Sid", "")
    if not isinstance(sid, str) or not _SID.fullmatch(sid):
        return (
            "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the "
            "regular expression [0-9A-Za-z]*"
        )
    for one, other in (("Action", "NotAction"), ("Resource", "NotResource")):
        if one in statement and other in statement:
            return _SYNTAX
    if not _is_condition(statement.get("Condition", {})):
        return _SYNTAX
    return _fault_of_actions(statement)


def _fault_of_actions(statement: Statement) -> str | None:
    for member in ("Action", "NotAction"):
        actions = _texts(statement.get(member, "*"))
        if actions is None:
            return _SYNTAX
        if not all(map(_ACTION.fullmatch, actions)):
            return "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."
    return None


def _fault_of_permission(statement: Statement) -> str | None:
    if "Principal" in statement or "NotPrincipal" in statement:
        return "Policy document should not specify a principal."
    if "Action" not in statement and "NotAction" not in statement:
        return "Policy statement must contain actions."
    if "Resource" not in statement and "NotResource" not in statement:
        return "Policy statement must contain resources."
    resources = _texts(statement.get("Resource", statement.get("NotResource")))
    if resources is None:
        return _SYNTAX
    for resource in resources:
        if resource != "*" and not resource.startswith("arn:"):
            return f'Resource {resource} must be in ARN format or "*".'
    return None


def _fault_of_trust(statement: Statement) -> str | None:
    for member in ("Resource", "NotResource"):
        if member in statement:
            return f"Has prohibited field {member}"
    if "Principal" not in statement and "NotPrincipal" not in statement:
        return "Missing required field Principal"
    if not _is_principal(statement.get("Principal", statement.get("NotPrincipal"))):
        return "Invalid principal in policy."
    if "Action" not in statement and "NotAction" not in statement:
        return "Missing required field Action"
    actions = _texts(statement.get("Action", [])) or []
    if any(not each.lower().startswith("sts:") for each in actions):
        return "AssumeRole policy may only specify STS AssumeRole actions."
    return None


def _fault_of_sids(statements: Iterable[Statement]) -> str | None:
    sids = [each["Sid"] for each in statements if each.get("Sid")]
    if len(sids) != len(set(sids)):
        return "Statement IDs (SID) in a single policy must be unique."
    return None


def _is_principal(principal: Any) -> bool:
    if not isinstance(principal, dict):
        return bool(principal == "*")
    return bool(principal) and all(
        kind in _PRINCIPALS and _texts(names) for kind, names in principal.items()
    )


def _is_condition(condition: Any) -> bool:
    """`{operator: {key: value or values}}`."""
    return isinstance(condition, dict) and all(
        isinstance(keys, dict)
        and all(
            isinstance(value, str | bool | int | float)
            for values in keys.values()
            for value in (values if isinstance(values, list) else [values])
        )
        for keys in condition.values()
    )


def _texts(value: Any) -> list[str] | None:
    """One text or several; None when it is anything else, or nothing at all."""
    texts = value if isinstance(value, list) else [value]
    return texts if texts and all(isinstance(text, str) for text in texts) else None


def _means(statement: Statement, service_principal: str) -> bool:
    principal = statement.get("Principal")
    if principal == "*":
        return True
    services = _texts(principal.get("Service")) if isinstance(principal, dict) else None
    return service_principal in (services or ())


def _covers(statement: Statement, action: str) -> bool:
    if "NotAction" in statement:
        return not _matches(statement["NotAction"], action)
    return _matches(statement.get("Action"), action)


def _matches(patterns: Any, action: str) -> bool:
    # Brackets mean nothing in an action, and the form of actions has none.
    return any(fnmatchcase(action.lower(), each.lower()) for each in _texts(patterns) or ())

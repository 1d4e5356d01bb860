"""Who may do what: AWS's policy language, evaluated.

    an explicit Deny, anywhere             ──▶ denied
    an Allow, within one account           ──▶ of an identity's policies or of the resource's
    an Allow, from one account to another  ──▶ of both
    an Allow, to an AWS service            ──▶ of the resource's policy

Policies are JSON as AWS writes it. A statement that cannot be read applies to nothing; operations
refuse it before it is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lambdad.model.conditions import are_met
from lambdad.model.principal import Principal, is_named, strings
from lambdad.model.wildcards import Context, matches

VERSION = "2012-10-17"
OLD_VERSION = "2008-10-17"  # which knows no policy variables

Statement = Mapping[str, Any]
Document = Any  # JSON that should be {"Version": …, "Statement": […]}


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessRequest:
    """What is asked for: `owner` is the account of the resource, `context` has the condition keys
    by name in lower case."""

    principal: Principal
    action: str
    resource: str
    owner: str
    context: Context = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether a request is allowed; `is_denied` when by a Deny, and not for want of an Allow.
    `statement` is the one that decided, if one did."""

    is_allowed: bool
    is_denied: bool = False
    statement: Statement | None = None


def evaluate(
    identity_policies: Sequence[Document] | None,
    resource_policies: Sequence[Document],
    request: AccessRequest,
) -> Decision:
    """Decide by the policies of who asks and of what is asked for.

    Without `identity_policies` (None) those of identities are not enforced: they allow all.
    """
    of_identity = list(_applying(identity_policies or (), request))
    of_resource = [
        statement
        for statement in _applying(resource_policies, request)
        if is_named(statement, request.principal, request.owner)
    ]
    for statement in (*of_identity, *of_resource):
        if statement["Effect"] == "Deny":
            return Decision(False, True, statement)
    identity_allows = identity_policies is None or bool(of_identity)
    if not _is_allowed(request, identity_allows, bool(of_resource)):
        return Decision(False)
    return Decision(True, statement=next(iter((*of_resource, *of_identity)), None))


def statements_of(document: Document) -> list[Statement]:
    """The statements of a document: a list, or one alone."""
    statements = document.get("Statement") if isinstance(document, Mapping) else None
    listed = statements if isinstance(statements, list | tuple) else [statements]
    return [statement for statement in listed if isinstance(statement, Mapping)]


def covers_resource(statement: Statement, resource: str, variables: Context | None) -> bool:
    """Whether a statement speaks of this resource."""
    return _covers(statement, "Resource", lambda pattern: matches(pattern, resource, variables))


def _is_allowed(request: AccessRequest, identity_allows: bool, resource_allows: bool) -> bool:
    account_id = request.principal.account_id
    if account_id is None:
        return resource_allows
    if account_id == request.owner:
        return identity_allows or resource_allows
    return identity_allows and resource_allows


def _applying(documents: Iterable[Document], request: AccessRequest) -> Iterator[Statement]:
    """The statements whose effect, action, resource and conditions meet the request."""
    for document in documents:
        for statement in statements_of(document):
            variables = request.context if document.get("Version") == VERSION else None
            if _applies(statement, request, variables):
                yield statement


def _applies(statement: Statement, request: AccessRequest, variables: Context | None) -> bool:
    if statement.get("Effect") not in ("Allow", "Deny"):
        return False
    if not _covers(statement, "Action", lambda pattern: _is_action(pattern, request.action)):
        return False
    if not covers_resource(statement, request.resource, variables):
        return False
    return "Condition" not in statement or are_met(
        statement["Condition"], request.context, variables
    )


def _is_action(pattern: str, action: str) -> bool:
    return matches(pattern, action, is_case_ignored=True)


def _covers(statement: Statement, element: str, is_meant: Callable[[str], bool]) -> bool:
    """Whether an element (`Action`), or its opposite (`NotAction`), covers what is asked for."""
    if element in statement:
        return any(map(is_meant, strings(statement[element])))
    others = strings(statement.get(f"Not{element}"))
    return bool(others) and not any(map(is_meant, others))

"""Resource-based policies: who may use a function, a version, an alias or a layer version."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from lambdad.model.policy_language import VERSION

MAX_LENGTH = 20_480  # of a policy as JSON

# Parameters of AddPermission in the order of AWS's statements: operator and condition key.
_CONDITIONS = (
    ("PrincipalOrgID", "StringEquals", "aws:PrincipalOrgID"),
    ("OrganizationId", "StringEquals", "aws:PrincipalOrgID"),
    ("SourceAccount", "StringEquals", "AWS:SourceAccount"),
    ("EventSourceToken", "StringEquals", "lambda:EventSourceToken"),
    ("FunctionUrlAuthType", "StringEquals", "lambda:FunctionUrlAuthType"),
    ("InvokedViaFunctionUrl", "Bool", "lambda:InvokedViaFunctionUrl"),
    ("SourceArn", "ArnLike", "AWS:SourceArn"),
)


@dataclass(frozen=True, slots=True)
class PolicyDocument:
    """A policy's text; its statements are kept in AWS's words."""

    statements: tuple[dict[str, Any], ...] = ()
    version: str = VERSION
    id: str | None = "default"

    def as_json(self) -> dict[str, Any]:
        """The document as AWS writes it."""
        id = {} if self.id is None else {"Id": self.id}
        return {"Version": self.version, **id, "Statement": list(self.statements)}

    @property
    def text(self) -> str:
        return compact_json(self.as_json())

    def find(self, sid: str) -> dict[str, Any] | None:
        """The statement with this id."""
        return next((each for each in self.statements if each.get("Sid") == sid), None)

    def with_statement(self, statement: dict[str, Any]) -> PolicyDocument:
        """The document with one more statement."""
        return replace(self, statements=(*self.statements, statement))

    def without(self, sid: str) -> PolicyDocument:
        """The document without the statement with this id."""
        kept = tuple(each for each in self.statements if each.get("Sid") != sid)
        return replace(self, statements=kept)


@dataclass(frozen=True, slots=True)
class Policy:
    """The policy of a function, a version or an alias; `owner` is `function` or
    `function:qualifier`."""

    kind: ClassVar[str] = "policy"

    account_id: str
    region: str
    owner: str
    revision_id: str
    document: PolicyDocument

    @property
    def key(self) -> tuple[str, str, str]:
        """Where it lives: account id, region, and the id of what it belongs to."""
        return (self.account_id, self.region, self.owner)


@dataclass(frozen=True, slots=True)
class LayerPolicy:
    """The policy of a layer version; `owner` is `layer:version`."""

    kind: ClassVar[str] = "layer-policy"

    account_id: str
    region: str
    owner: str
    revision_id: str
    document: PolicyDocument

    @property
    def key(self) -> tuple[str, str, str]:
        """Where it lives: account id, region, and the id of what it belongs to."""
        return (self.account_id, self.region, self.owner)


def permission_statement(
    request: Mapping[str, Any], principal: str | dict[str, str], resource: str
) -> dict[str, Any]:
    """The statement that a request to add a permission means."""
    statement = {
        "Sid": request["StatementId"],
        "Effect": "Allow",
        "Principal": principal,
        "Action": request["Action"],
        "Resource": resource,
    }
    conditions: dict[str, dict[str, str]] = {}
    for parameter, operator, key in _CONDITIONS:
        if parameter in request:
            value = request[parameter]
            text = str(value).lower() if isinstance(value, bool) else value
            conditions.setdefault(operator, {})[key] = text
    return {**statement, "Condition": conditions} if conditions else statement


def compact_json(value: Any) -> str:
    """JSON without blanks, as AWS answers with it."""
    return json.dumps(value, separators=(",", ":"))

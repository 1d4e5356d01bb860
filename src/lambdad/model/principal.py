"""Principals: who asks, and whom a statement of a resource's policy names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lambdad.arn import caller_arn

EVERYBODY = ("AWS", "*")

_ACCOUNT = re.compile(r"[0-9]{12}")
_IDENTITY = re.compile(r"arn:aws[a-zA-Z-]*:(iam|sts)::[0-9]{12}:[\w+=,.@/:-]+", re.ASCII)
_SERVICE = re.compile(
    r"([a-z0-9-]+\.)+(amazonaws\.(com|com\.cn|eu)|amazon\.com|aws\.internal)", re.IGNORECASE
)

Name = tuple[str, str]  # ("Service", "sns.amazonaws.com"), ("AWS", "123456789012")


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Who asks. One of an account has `account_id` and `arn`, and `role_arn` if it is a session
    of a role; an AWS service has `service`; nobody that is known has nothing."""

    account_id: str | None = None
    arn: str | None = None
    role_arn: str | None = None
    service: str | None = None
    federated: str | None = None

    @property
    def is_root(self) -> bool:
        """Whether it is an account itself."""
        return self.account_id is not None and self.arn == caller_arn(self.account_id)

    @property
    def account_names(self) -> set[Name]:
        """The names of its account."""
        if self.account_id is None:
            return set()
        return {("AWS", self.account_id), ("AWS", caller_arn(self.account_id))}

    @property
    def own_names(self) -> set[Name]:
        """Its own names, which are not its account's."""
        names = (
            ("AWS", self.arn),
            ("AWS", self.role_arn),
            ("Service", self.service),
            ("Federated", self.federated),
        )
        found = {(kind, name) for kind, name in names if name is not None}
        return found - self.account_names


def named_principals(element: Any) -> set[Name]:
    """Whom a Principal or NotPrincipal element names."""
    if element == "*":
        return {EVERYBODY}
    if not isinstance(element, Mapping):
        return set()
    return {(kind, name) for kind, names in element.items() for name in strings(names)}


def is_named(statement: Mapping[str, Any], principal: Principal, owner: str) -> bool:
    """Whether a statement of a policy of the account `owner` means this principal.

    An Allow for `owner` itself leaves it to that account whom of its own it lets in. A Deny with
    NotPrincipal spares those alone whose account is named beside each name of their own.
    """
    if "Principal" in statement:
        named = named_principals(statement["Principal"])
        if EVERYBODY in named or named & principal.own_names:
            return True
        is_left_to_account = (
            statement.get("Effect") == "Allow"
            and principal.account_id == owner
            and not principal.is_root
        )
        return not is_left_to_account and bool(named & principal.account_names)
    named = named_principals(statement.get("NotPrincipal"))
    if not named or EVERYBODY in named:
        return False
    if statement.get("Effect") == "Allow":
        return not named & (principal.own_names | principal.account_names)
    return not (principal.own_names <= named and bool(named & principal.account_names))


def principal_element(principal: str) -> str | dict[str, str] | None:
    """The Principal element that means this principal, None if it is no principal: an account, a
    user, role or session by its ARN, a service, or everybody."""
    if principal == "*":
        return "*"
    if _ACCOUNT.fullmatch(principal):
        return {"AWS": f"arn:aws:iam::{principal}:root"}
    if _IDENTITY.fullmatch(principal):
        return {"AWS": principal}
    return {"Service": principal} if _SERVICE.fullmatch(principal) else None


def strings(value: Any) -> list[str]:
    """The strings of an element that may be one, or a list of them."""
    listed = value if isinstance(value, list) else [value]
    return [each for each in listed if isinstance(each, str)]

"""Which policies let everybody in.

A statement is public when it allows what it allows to everybody, and no condition narrows that to
callers that are named: accounts, organizations, resources, networks. The rule is that of AWS's
"block public access"; a condition counts only when it must be met and its values are fixed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from ipaddress import ip_network
from typing import Any

from lambdad.model.conditions import condition_values
from lambdad.model.policy import PolicyDocument
from lambdad.model.principal import EVERYBODY, named_principals

_OPERATORS = frozenset(
    {"stringequals", "stringequalsignorecase", "stringlike", "arnequals", "arnlike", "ipaddress"}
)
_KEYS = frozenset(
    {
        "aws:principalaccount",
        "aws:principalarn",
        "aws:principalorgid",
        "aws:sourceaccount",
        "aws:sourcearn",
        "aws:sourceip",
        "aws:sourceorgid",
        "aws:sourceowner",
        "aws:sourcevpc",
        "aws:sourcevpce",
        "aws:userid",
        "aws:vpcsourceip",
        "lambda:eventsourcetoken",
    }
)
_VARYING = re.compile(r"[*?]|\$\{")
_OF_ONE_ACCOUNT = re.compile(r"arn:[^:*?$]+:[^:*?$]+:[^:]*:[0-9]{12}:.*", re.DOTALL)
_SHORTEST_PREFIX = {4: 8, 6: 32}  # of a network that is not everybody's, by version of IP


def is_public(document: PolicyDocument) -> bool:
    """Whether any statement lets everybody in."""
    return any(map(_is_public, document.statements))


def _is_public(statement: Mapping[str, Any]) -> bool:
    if statement.get("Effect") != "Allow":
        return False
    is_for_everybody = "NotPrincipal" in statement or EVERYBODY in named_principals(
        statement.get("Principal")
    )
    return is_for_everybody and not any(
        operator.lower() in _OPERATORS and _narrows(operator.lower(), keys)
        for operator, keys in statement.get("Condition", {}).items()
    )


def _narrows(operator: str, keys: Mapping[str, Any]) -> bool:
    is_fixed = _is_narrow if operator == "ipaddress" else _is_fixed
    return any(
        key.lower() in _KEYS and all(map(is_fixed, condition_values(values) or [""]))
        for key, values in keys.items()
    )


def _is_fixed(value: str) -> bool:
    """Whether a value means one source, or those of one account."""
    return bool(value) and (not _VARYING.search(value) or bool(_OF_ONE_ACCOUNT.fullmatch(value)))


def _is_narrow(network: str) -> bool:
    try:
        found = ip_network(network, strict=False)
    except ValueError:
        return False
    return found.prefixlen >= _SHORTEST_PREFIX[found.version]

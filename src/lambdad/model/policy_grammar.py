"""Whether a text is a policy that a Lambda resource may have.

The text is hostile until all of it has been read: what is kept has only the elements of AWS's
policy language, each of the form that it has there, and speaks of nothing but its own resource.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from lambdad.errors import ClientError
from lambdad.model.conditions import condition_values, parse_operator
from lambdad.model.policy import PolicyDocument
from lambdad.model.policy_language import OLD_VERSION, VERSION, covers_resource
from lambdad.model.principal import EVERYBODY, named_principals, principal_element
from lambdad.model.strict_json import DECODER

_ELEMENTS = frozenset({"Version", "Id", "Statement"})
_STATEMENT_ELEMENTS = frozenset(
    {"Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource"}
    | {"NotResource", "Condition"}
)
_ACTION = re.compile(r"\*|lambda:[a-zA-Z*?]+", re.IGNORECASE)


def parse_policy(text: str, resource: str) -> PolicyDocument:
    """Read the policy of the resource with this ARN; what is wrong with it is a ClientError."""
    document = _read_json(text)
    if not isinstance(document, dict):
        raise _malformed("it must be a JSON object")
    _check_members(document, _ELEMENTS, "the policy")
    version = document.get("Version", OLD_VERSION)
    if version not in (VERSION, OLD_VERSION):
        raise _malformed(f"Version must be {VERSION}")
    id = document.get("Id")
    if not isinstance(id, str | None):
        raise _malformed("Id must be a string")
    listed = document.get("Statement")
    statements = [
        _checked_statement(statement, resource)
        for statement in (listed if isinstance(listed, list) else [listed])
    ]
    if not statements:
        raise _malformed("Statement must have at least one statement")
    sids = [statement["Sid"] for statement in statements if "Sid" in statement]
    if len(set(sids)) < len(sids):
        raise _malformed("statement ids (Sid) must be unique")
    return PolicyDocument(tuple(statements), version, id)


def _read_json(text: str) -> Any:
    try:
        return DECODER.decode(text)
    except RecursionError:
        raise _malformed("it is nested too deeply") from None
    except ValueError as error:
        raise _malformed(f"it is not JSON: {error}") from None


def _checked_statement(statement: Any, resource: str) -> dict[str, Any]:
    if not isinstance(statement, dict):
        raise _malformed("each statement must be a JSON object")
    _check_members(statement, _STATEMENT_ELEMENTS, "a statement")
    if not isinstance(statement.get("Sid", ""), str):
        raise _malformed("Sid must be a string")
    if statement.get("Effect") not in ("Allow", "Deny"):
        raise _malformed("Effect must be Allow or Deny")
    _check_principals(_one_of(statement, "Principal"))
    actions = _strings(_one_of(statement, "Action"), "Action")
    if not all(map(_ACTION.fullmatch, actions)):
        raise _malformed("Action must name actions of Lambda, such as lambda:InvokeFunction")
    _strings(_one_of(statement, "Resource"), "Resource")
    if not covers_resource(statement, resource, None):
        raise _malformed(f"the Resource of each statement must be {resource}")
    if "Condition" in statement:
        _check_condition(statement["Condition"])
    return statement


def _check_members(found: dict[str, Any], known: frozenset[str], where: str) -> None:
    unknown = sorted(found.keys() - known)
    if unknown:
        raise _malformed(f"{where} has an element that the policy language has not: {unknown[0]}")


def _one_of(statement: dict[str, Any], element: str) -> Any:
    """The value of an element, or of its opposite."""
    found = [name for name in (element, f"Not{element}") if name in statement]
    if len(found) != 1:
        raise _malformed(f"each statement must have one of {element} and Not{element}")
    return statement[found[0]]


def _strings(value: Any, element: str) -> list[str]:
    listed = value if isinstance(value, list) else [value]
    if not listed or not all(isinstance(each, str) for each in listed):
        raise _malformed(f"{element} must be a string or a list of strings")
    return listed


def _check_principals(element: Any) -> None:
    if element != "*" and not (isinstance(element, Mapping) and element):
        raise _malformed("Principal must be * or an object")
    for names in element.values() if isinstance(element, Mapping) else ():
        _strings(names, "Principal")
    for name in named_principals(element):
        if not _is_principal(*name):
            raise _malformed(f"the principal {name[1]} is not valid")


def _is_principal(kind: str, name: str) -> bool:
    if kind == "Federated":
        return bool(name)
    if (kind, name) == EVERYBODY:
        return True
    found = principal_element(name)
    return isinstance(found, dict) and kind in found


def _check_condition(block: Any) -> None:
    if not isinstance(block, dict):
        raise _malformed("Condition must be an object")
    for name, keys in block.items():
        if parse_operator(name) is None:
            raise _malformed(f"there is no condition operator {name}")
        if not isinstance(keys, dict) or not keys:
            raise _malformed(f"the condition {name} must name condition keys")
        for key, values in keys.items():
            if not condition_values(values) or not _is_finite(values):
                raise _malformed(f"the values of the condition key {key} must be strings")


def _is_finite(values: Any) -> bool:
    listed = values if isinstance(values, list) else [values]
    return all(math.isfinite(each) for each in listed if isinstance(each, float))


def _malformed(reason: str) -> ClientError:
    return ClientError(
        "InvalidParameterValueException", f"The resource-based policy is not valid: {reason}."
    )

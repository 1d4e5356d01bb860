"""ARNs, function names and qualifiers: how Lambda's identifiers are read and written.

AWS takes a function's identifier in six forms (developer guide, "FunctionName"):
`name`, `name:qualifier`, `function:name`, `account:function:name`, the full ARN, and the full ARN
with a qualifier.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

LATEST = "$LATEST"
MAX_FUNCTION_NAME_LENGTH = 64

_VERSION_DIGITS = 18  # as many as a long integer has at least
_NAME = r"(?P<name>[a-zA-Z0-9-_]+)"
_QUALIFIER = r"(?::(?P<qualifier>\$LATEST(?:\.PUBLISHED)?|[a-zA-Z0-9-_]+))?"
_ARN = re.compile(
    r"arn:(?P<partition>aws[a-zA-Z-]*):lambda:(?P<region>(?:eusc-)?[a-z]{2}(?:-[a-z]+)+-[0-9]):"
    rf"(?P<account_id>[0-9]{{12}}):function:{_NAME}{_QUALIFIER}"
)
_PARTIAL = re.compile(rf"(?:(?P<account_id>[0-9]{{12}}):)?function:{_NAME}{_QUALIFIER}")
_SHORT = re.compile(rf"{_NAME}{_QUALIFIER}")
_LAYER_ARN = re.compile(
    r"arn:aws[a-zA-Z-]*:lambda:(?P<region>[a-z]{2,4}(?:-[a-z]+)+-[0-9]):"
    rf"(?P<account_id>[0-9]{{12}}):layer:{_NAME}(?::(?P<version>[0-9]{{1,{_VERSION_DIGITS}}}))?"
)


@dataclass(frozen=True, slots=True)
class FunctionIdentifier:
    """What a caller wrote as FunctionName; a part that was not written is None."""

    name: str
    qualifier: str | None = None
    account_id: str | None = None
    region: str | None = None


@dataclass(frozen=True, slots=True)
class LayerIdentifier:
    """What a caller wrote for a layer or a version of it; a part that was not written is None."""

    name: str
    version: int | None = None
    account_id: str | None = None
    region: str | None = None


@lru_cache(maxsize=1024)  # nearly always the same few, on the hot path
def parse_function_identifier(text: str) -> FunctionIdentifier | None:
    """Read any of the six forms; None when `text` is none of them."""
    for pattern in (_ARN, _PARTIAL, _SHORT):
        match = pattern.fullmatch(text)
        if match:
            parts = match.groupdict()
            return FunctionIdentifier(
                name=parts["name"],
                qualifier=parts["qualifier"],
                account_id=parts.get("account_id"),
                region=parts.get("region"),
            )
    return None


def parse_layer_identifier(text: str) -> LayerIdentifier | None:
    """Read a layer's name, its ARN, or the ARN of a version; None when `text` is none of them."""
    match = _LAYER_ARN.fullmatch(text)
    if match is None:
        return LayerIdentifier(text) if re.fullmatch(_NAME, text) else None
    name, account_id, region = match["name"], match["account_id"], match["region"]
    return LayerIdentifier(
        name, int(match["version"]) if match["version"] else None, account_id, region
    )


def function_arn(account_id: str, region: str, name: str, qualifier: str | None = None) -> str:
    """The function's ARN: unqualified without `qualifier`, else qualified."""
    arn = f"arn:aws:lambda:{region}:{account_id}:function:{name}"
    return f"{arn}:{qualifier}" if qualifier else arn


def layer_arn(account_id: str, region: str, name: str, version: int | None = None) -> str:
    """The layer's ARN, or that of one version of it."""
    arn = f"arn:aws:lambda:{region}:{account_id}:layer:{name}"
    return arn if version is None else f"{arn}:{version}"


def event_source_mapping_arn(account_id: str, region: str, uuid: str) -> str:
    """The ARN of an event source mapping."""
    return f"arn:aws:lambda:{region}:{account_id}:event-source-mapping:{uuid}"


def capacity_provider_arn(account_id: str, region: str, name: str) -> str:
    """The capacity provider's ARN."""
    return f"arn:aws:lambda:{region}:{account_id}:capacity-provider:{name}"


def code_signing_config_arn(account_id: str, region: str, id: str) -> str:
    """The code signing config's ARN."""
    return f"arn:aws:lambda:{region}:{account_id}:code-signing-config:{id}"


def caller_arn(account_id: str, role: str | None = None, session_name: str | None = None) -> str:
    """Who asks: a session of an execution role (an ARN), or else the account itself."""
    if role is None:
        return f"arn:aws:iam::{account_id}:root"
    return f"arn:aws:sts::{account_id}:assumed-role/{role_name(role)}/{session_name}"


def role_name(role_arn: str) -> str:
    """The role's own name, without its path."""
    return role_arn.rsplit("/", 1)[-1]

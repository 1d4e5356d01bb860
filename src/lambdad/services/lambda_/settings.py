"""Configuration members that a version keeps in AWS's words, and the rules of each.

A member that a request does not name stays as it is, and so does, within one, what is not named.
What cannot stand together is found on the whole version, by `check_version`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from lambdad.errors import invalid_parameter
from lambdad.model.function import DEFAULT_EPHEMERAL_STORAGE_MB, FunctionVersion

LEVELS = ("ApplicationLogLevel", "SystemLogLevel")
DEFAULT_LEVEL = "INFO"
DEFAULT_RETENTION_DAYS = 14
# The first runtime of each family that can be restored from a snapshot.
SNAP_START_SINCE: Mapping[str, int] = MappingProxyType({"python3.": 12, "java": 11, "dotnet": 8})

Setting = dict[str, Any]

_QUEUE_OR_TOPIC = re.compile(r"arn:aws[a-zA-Z-]*:(sqs|sns):[a-z0-9-]+:\d{12}:[a-zA-Z0-9_.-]+")
_RUNTIME = re.compile(r"(?P<family>python3\.|java|dotnet)(?P<number>\d+)")


def changed_settings(request: Mapping[str, Any], settings: Mapping[str, Any]) -> Setting:
    """The settings after a request: of creation, or of an update of the configuration."""
    changed = dict(settings)
    for member, change in _CHANGES.items():
        if member in request:
            changed[member] = change(request[member], settings.get(member) or {})
    for member in ("CapacityProviderConfig", "FileSystemConfigs", "KMSKeyArn"):
        if member in request:
            changed[member] = request[member]
    if "ImageConfig" in request:
        asked = {member: value for member, value in request["ImageConfig"].items() if value}
        changed["ImageConfigResponse"] = {"ImageConfig": asked} if asked else {}
    return {member: value for member, value in changed.items() if value not in ("", {}, [])}


def creation_settings(request: Mapping[str, Any]) -> Setting:
    """What is settled at creation and never again: tenancy, and whether a function is durable."""
    settings: Setting = {}
    if "TenancyConfig" in request:
        settings["TenancyConfig"] = request["TenancyConfig"]
    if request.get("DurableConfig"):
        settings["DurableConfig"] = {"RetentionPeriodInDays": DEFAULT_RETENTION_DAYS}
    return settings


def check_version(version: FunctionVersion) -> None:
    """Refuse a version whose settings cannot stand together."""
    settings = version.settings
    if version.is_image and (version.runtime or version.handler):
        raise invalid_parameter(
            "Runtime and Handler are not for functions created with container images: the image "
            "has both."
        )
    if version.is_image and version.layers:
        raise invalid_parameter("Layers are not for functions created with container images.")
    if not version.is_image and "ImageConfigResponse" in settings:
        raise invalid_parameter("ImageConfig is only for functions whose PackageType is Image.")
    if settings.get("SnapStart"):
        _check_snap_start(version)


def _check_snap_start(version: FunctionVersion) -> None:
    if version.is_image:
        raise invalid_parameter(
            "SnapStart is not supported for functions created with container images."
        )
    found = _RUNTIME.match(version.runtime)
    if found is None or int(found["number"]) < SNAP_START_SINCE[found["family"]]:
        raise invalid_parameter(
            f"{version.runtime} is not supported for SnapStart enabled functions."
        )
    if version.ephemeral_storage_mb > DEFAULT_EPHEMERAL_STORAGE_MB:
        raise invalid_parameter(
            f"SnapStart is not supported with more than {DEFAULT_EPHEMERAL_STORAGE_MB} MB of "
            "ephemeral storage."
        )
    if "TenancyConfig" in version.settings:
        raise invalid_parameter("SnapStart is not supported for functions with tenant isolation.")


def _logging(asked: Setting, had: Setting) -> Setting:
    """Levels are JSON's alone, and go when the format becomes Text."""
    log_format = asked.get("LogFormat", had["LogFormat"])
    if log_format != "JSON" and any(level in asked for level in LEVELS):
        raise invalid_parameter("Log levels can only be set when LogFormat is JSON.")
    levels = {level: had.get(level, DEFAULT_LEVEL) for level in LEVELS}
    kept = {member: value for member, value in had.items() if member not in LEVELS}
    return {**kept, **(levels if log_format == "JSON" else {}), **asked}


def _tracing(asked: Setting, had: Setting) -> Setting:
    return {**had, **asked}


def _vpc(asked: Setting, had: Setting) -> Setting:
    """Subnets and security groups: both, or neither, which leaves the VPC."""
    none: Setting = {"SubnetIds": [], "SecurityGroupIds": [], "Ipv6AllowedForDualStack": False}
    wanted = {**none, **had, **asked}
    if bool(wanted["SubnetIds"]) != bool(wanted["SecurityGroupIds"]):
        raise invalid_parameter(
            "SubnetIds and SecurityGroupIds must be given together, or both be empty."
        )
    return wanted


def _dead_letter(asked: Setting, had: Setting) -> Setting:
    """A standard queue or topic; an empty ARN removes it."""
    target = asked.get("TargetArn", had.get("TargetArn", ""))
    if target and not _QUEUE_OR_TOPIC.fullmatch(target):
        raise invalid_parameter(
            f"The dead-letter target {target} must be the ARN of an Amazon SQS queue or of an "
            "Amazon SNS topic."
        )
    return {"TargetArn": target} if target else {}


def _snap_start(asked: Setting, had: Setting) -> Setting:
    """Kept when it asks for something."""
    apply_on = asked.get("ApplyOn", had.get("ApplyOn", "None"))
    return {"ApplyOn": apply_on} if apply_on != "None" else {}


def _durable(asked: Setting, had: Setting) -> Setting:
    if asked and not had:
        raise invalid_parameter(
            "DurableConfig can only be set when a function is created; make a new function."
        )
    return {name: value for name, value in {**had, **asked}.items() if value != ""}


_CHANGES: Mapping[str, Callable[[Setting, Setting], Setting]] = MappingProxyType(
    {
        "DeadLetterConfig": _dead_letter,
        "DurableConfig": _durable,
        "LoggingConfig": _logging,
        "SnapStart": _snap_start,
        "TracingConfig": _tracing,
        "VpcConfig": _vpc,
    }
)

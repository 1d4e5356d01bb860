"""A version as AWS's FunctionConfiguration."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from typing import Any

from lambdad.arn import LATEST, function_arn
from lambdad.clock import to_datetime
from lambdad.model.function import FunctionVersion, Status
from lambdad.model.layer import LayerVersion


def function_configuration(
    version: FunctionVersion, *, qualifier: str | None = None
) -> dict[str, Any]:
    """All that the operations on one function tell about a version; `qualifier` is what it was
    asked for by."""
    return {
        **listed_configuration(version, qualifier=qualifier),
        **_status("State", "StateReason", version.state),
        **_status("LastUpdateStatus", "LastUpdateStatusReason", version.last_update),
    }


def listed_configuration(
    version: FunctionVersion, *, qualifier: str | None = None
) -> dict[str, Any]:
    """The same without its states, as ListFunctions tells it."""
    if qualifier is None and version.version != LATEST:
        qualifier = version.version
    return {
        "FunctionName": version.name,
        "FunctionArn": function_arn(version.account_id, version.region, version.name, qualifier),
        "Role": version.role,
        "CodeSize": version.code.size,
        "Description": version.description,
        "Timeout": version.timeout,
        "MemorySize": version.memory_mb,
        "LastModified": timestamp(version.last_modified),
        "Version": version.version,
        "RevisionId": version.revision_id,
        "PackageType": version.package_type,
        "EphemeralStorage": {"Size": version.ephemeral_storage_mb},
        "ConfigSha256": b64encode(bytes.fromhex(version.configuration_sha256)).decode(),
        **version.settings,
        **_code(version),
        "SnapStart": _snap_start(version),
        **_vpc(version),
        **_layers(version),
        **_environment(version),
        **_runtime_version(version),
    }


def code_sha256(version: FunctionVersion | LayerVersion) -> str:
    """The digest of the package as AWS writes it: Base64. That of an image is hexadecimal, and
    empty when its URI does not name it."""
    if version.code.image_uri:
        return version.code.sha256
    return b64encode(bytes.fromhex(version.code.sha256)).decode()


def timestamp(epoch: float) -> str:
    """A moment as LastModified has it: `2026-01-01T00:00:00.000+0000`."""
    moment = to_datetime(epoch)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}+0000"


def _status(name: str, reason: str, status: Status | None) -> dict[str, str]:
    if status is None:
        return {}
    members = {name: status.value, reason: status.reason, f"{reason}Code": status.reason_code}
    return {member: value for member, value in members.items() if value is not None}


def _layers(version: FunctionVersion) -> dict[str, Any]:
    layers = [{"Arn": layer.arn, "CodeSize": layer.code.size} for layer in version.layers]
    return {"Layers": layers} if layers else {}


def _code(version: FunctionVersion) -> dict[str, str]:
    """What an image has in itself is not told."""
    members = {
        "Runtime": version.runtime,
        "Handler": version.handler,
        "CodeSha256": code_sha256(version),
    }
    return {member: value for member, value in members.items() if value}


def _snap_start(version: FunctionVersion) -> dict[str, str]:
    apply_on = version.settings.get("SnapStart", {}).get("ApplyOn", "None")
    is_on = apply_on == "PublishedVersions" and version.version != LATEST
    return {"ApplyOn": apply_on, "OptimizationStatus": "On" if is_on else "Off"}


def _vpc(version: FunctionVersion) -> dict[str, Any]:
    """There is no VPC here: an account has one in each region, whatever the subnets are called."""
    vpc = version.settings.get("VpcConfig")
    if vpc is None:
        return {}
    place = f"{version.account_id}:{version.region}".encode()
    vpc_id = f"vpc-{hashlib.sha256(place).hexdigest()[:17]}" if vpc["SubnetIds"] else ""
    return {"VpcConfig": {**vpc, "VpcId": vpc_id}}


def _environment(version: FunctionVersion) -> dict[str, Any]:
    return {"Environment": {"Variables": version.variables}} if version.variables else {}


def _runtime_version(version: FunctionVersion) -> dict[str, Any]:
    """Which runtime really runs the version, and a sentence when it is not the one asked for."""
    if version.runtime_in_use is None:
        return {}
    arn = f"arn:aws:lambda:{version.region}::runtime:{version.runtime_in_use}"
    config: dict[str, Any] = {"RuntimeVersionArn": arn}
    if version.runtime_in_use != version.runtime:
        config["Error"] = {
            "ErrorCode": "RuntimeNotPresent",
            "Message": f"{version.runtime} is not on this machine; {version.runtime_in_use} "
            "runs the function.",
        }
    return {"RuntimeVersionConfig": config}

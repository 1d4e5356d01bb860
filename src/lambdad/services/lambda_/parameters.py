"""What CreateFunction and UpdateFunctionConfiguration may ask for, and what it comes to.

A member of a request becomes a field of the version, or one of its `settings`, which lambdad gives
back in AWS's words. The gateway has checked the model's constraints; here are the rules that the
model does not say.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from lambdad.errors import ClientError, invalid_parameter
from lambdad.model.limits import ENVIRONMENT_VARIABLES
from lambdad.model.runtime import choose_runtime, family_of, is_os_only, say_missing
from lambdad.services.lambda_.control_plane import ControlPlane
from lambdad.services.lambda_.egress import check_egress
from lambdad.services.lambda_.settings import changed_settings

FIELDS: Mapping[str, str] = MappingProxyType(
    {
        "Description": "description",
        "Handler": "handler",
        "MemorySize": "memory_mb",
        "Role": "role",
        "Runtime": "runtime",
        "Timeout": "timeout",
    }
)
# Members that the model allows to be larger, for features that lambdad does not have.
MAXIMA = (("timeout", "Timeout", 900), ("memorySize", "MemorySize", 10_240))
MAX_EPHEMERAL_STORAGE_MB = 10_240
MAX_TAGS = 50

RETIRED_RUNTIMES = frozenset(
    {"provided", "python2.7", "python3.6", "python3.7", "python3.8"}
    | {"nodejs", "nodejs4.3", "nodejs4.3-edge", "nodejs6.10", "nodejs8.10"}
    | {f"nodejs{number}.x" for number in (10, 12, 14, 16)}
)
SUPPORTED = ("python3.X", "nodejsN.x", "rubyN.N", "javaN", "dotnetN", "provided.al2*")
RESERVED_VARIABLES = frozenset(
    {
        "AWS_ACCESS_KEY",
        "AWS_ACCESS_KEY_ID",
        "AWS_DEFAULT_REGION",
        "AWS_EXECUTION_ENV",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
        "AWS_LAMBDA_FUNCTION_NAME",
        "AWS_LAMBDA_FUNCTION_VERSION",
        "AWS_LAMBDA_INITIALIZATION_TYPE",
        "AWS_LAMBDA_LOG_GROUP_NAME",
        "AWS_LAMBDA_LOG_STREAM_NAME",
        "AWS_LAMBDA_MAX_CONCURRENCY",
        "AWS_LAMBDA_RUNTIME_API",
        "AWS_REGION",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "LAMBDA_RUNTIME_DIR",
        "LAMBDA_TASK_ROOT",
        "_HANDLER",
        "_X_AMZN_TRACE_ID",
    }
)
_VARIABLES_REFUSED = (
    "Lambda was unable to configure your environment variables because the environment variables "
    "you have provided "
)


def changed_fields(
    control: ControlPlane, request: Mapping[str, Any], settings: Mapping[str, Any]
) -> dict[str, Any]:
    """The fields of a version that `request` sets; `settings` are those that it has so far."""
    _check_maxima(request)
    if "Runtime" in request:
        check_runtime(control, request["Runtime"])
    fields = {field: request[member] for member, field in FIELDS.items() if member in request}
    if "EphemeralStorage" in request:
        fields["ephemeral_storage_mb"] = request["EphemeralStorage"]["Size"]
    if "Environment" in request:
        fields["variables"] = _checked_variables(request["Environment"].get("Variables", {}))
        check_egress(control.egress, fields["variables"])
    return {**fields, "settings": changed_settings(request, settings)}


def default_settings(control: ControlPlane, name: str) -> dict[str, Any]:
    """The settings of a function that asked for none."""
    return {
        "Architectures": [control.architecture],
        "LoggingConfig": {"LogFormat": "Text", "LogGroup": f"/aws/lambda/{name}"},
        "TracingConfig": {"Mode": "PassThrough"},
    }


def check_runtime(control: ControlPlane, runtime: str) -> None:
    """Refuse a runtime that AWS does not know, has retired, or that cannot run here."""
    if control.known_runtimes and runtime not in control.known_runtimes:
        raise invalid_parameter(
            f"Value {runtime} at 'runtime' failed to satisfy constraint: Member must satisfy enum "
            f"value set: [{', '.join(control.known_runtimes)}] or be a valid ARN"
        )
    if runtime in RETIRED_RUNTIMES:
        raise invalid_parameter(
            f"The runtime parameter of {runtime} is no longer supported for creating or updating "
            "AWS Lambda functions. We recommend you use a supported runtime while creating or "
            "updating functions."
        )
    if not family_of(runtime) and not is_os_only(runtime):
        raise invalid_parameter(
            f"lambdad does not support the runtime {runtime}, only {', '.join(SUPPORTED)}."
        )
    if control.accepts_missing_runtimes:
        return
    if choose_runtime(runtime, control.interpreters, control.strict_runtimes) is None:
        raise invalid_parameter(say_missing(runtime, control.interpreters))


def check_architectures(control: ControlPlane, architectures: list[str] | None) -> None:
    """Refuse code for another kind of machine."""
    for architecture in architectures or ():
        if architecture != control.architecture:
            raise invalid_parameter(
                f"This machine runs {control.architecture}; the architecture {architecture} "
                "cannot run on it."
            )


def checked_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """The tags, within AWS's rules."""
    if len(tags) > MAX_TAGS:
        raise invalid_parameter(f"A resource cannot have more than {MAX_TAGS} tags.")
    if any(key.lower().startswith("aws:") for key in tags):
        raise invalid_parameter("Tag keys that start with aws: are reserved.")
    return dict(tags)


def _check_maxima(request: Mapping[str, Any]) -> None:
    asked = [(path, request.get(member, 0), maximum) for path, member, maximum in MAXIMA]
    storage = request.get("EphemeralStorage", {}).get("Size", 0)
    asked.append(("ephemeralStorage.size", storage, MAX_EPHEMERAL_STORAGE_MB))
    errors = [
        f"Value '{value}' at '{path}' failed to satisfy constraint: "
        f"Member must have value less than or equal to {maximum}"
        for path, value, maximum in asked
        if value > maximum
    ]
    if errors:
        count = f"{len(errors)} validation error{'s' if len(errors) > 1 else ''} detected: "
        raise ClientError("ValidationException", count + "; ".join(errors), status=400)


def _checked_variables(variables: Mapping[str, str]) -> dict[str, str]:
    reserved = sorted(RESERVED_VARIABLES & variables.keys())
    if reserved:
        raise invalid_parameter(
            f"{_VARIABLES_REFUSED}contains reserved keys that are currently not supported for "
            f"modification. Reserved keys used in this request: {', '.join(reserved)}"
        )
    try:
        size = len(json.dumps(variables, separators=(",", ":"), ensure_ascii=False).encode())
    except UnicodeEncodeError:
        raise invalid_parameter(f"{_VARIABLES_REFUSED}are not valid Unicode.") from None
    if any("\0" in value for value in variables.values()):
        raise invalid_parameter(f"{_VARIABLES_REFUSED}contain a null character.")
    if size > ENVIRONMENT_VARIABLES:
        raise invalid_parameter(
            f"{_VARIABLES_REFUSED}exceeded the 4KB limit. Measured size: {size} bytes"
        )
    return dict(variables)

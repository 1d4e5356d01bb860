"""Where records of invocations may be sent: the ARNs in a DestinationConfig."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lambdad.arn import parse_function_identifier
from lambdad.errors import invalid_parameter
from lambdad.model.function import Function
from lambdad.services.lambda_.control_plane import ControlPlane
from lambdad.services.lambda_.names import FunctionName

ON_FAILURE, ON_SUCCESS = "OnFailure", "OnSuccess"


def invocation_destinations(
    control: ControlPlane, name: FunctionName, config: Mapping[str, Any]
) -> dict[str, Any]:
    """The destinations of a function's asynchronous invocations."""
    success, failure = _destination(config, ON_SUCCESS), _destination(config, ON_FAILURE)
    for side, arn in ((ON_SUCCESS, success), (ON_FAILURE, failure)):
        service = _service(arn)
        if service == "lambda":
            _check_function(control, name, arn)
        elif service not in ("", "sqs", "sns", "events", "s3"):
            raise invalid_parameter(f"The destination ARN {arn} is invalid.")
        if service == "s3" and side == ON_SUCCESS:
            raise invalid_parameter(
                "An S3 bucket can be the destination of failed invocations only."
            )
        _refuse_fifo(arn)
    return {ON_SUCCESS: _written(success), ON_FAILURE: _written(failure)}


def batch_destinations(config: Mapping[str, Any]) -> dict[str, Any]:
    """The destination of the batches that an event source mapping gives up."""
    failure = _destination(config, ON_FAILURE)
    if _destination(config, ON_SUCCESS):
        raise invalid_parameter(
            "Event source mappings have no destination for successful invocations."
        )
    if _service(failure) not in ("", "sqs", "sns", "s3", "kafka topic"):
        raise invalid_parameter(f"The destination ARN {failure} is invalid.")
    _refuse_fifo(failure)
    return {ON_FAILURE: _written(failure)}


def _destination(config: Mapping[str, Any], side: str) -> str:
    return str(config.get(side, {}).get("Destination") or "")


def _written(destination: str) -> dict[str, str]:
    return {"Destination": destination} if destination else {}


def _service(destination: str) -> str:
    """The service of an ARN; the gateway has held it against the model's pattern."""
    if destination.startswith("kafka://"):
        return "kafka topic"
    return destination.split(":")[2] if destination else ""


def _check_function(control: ControlPlane, name: FunctionName, arn: str) -> None:
    """A function that exists, and that is not the one whose invocations are recorded."""
    written = parse_function_identifier(arn)
    if written is None:
        raise invalid_parameter(f"The destination ARN {arn} is invalid.")
    if (written.account_id, written.region, written.name) == name.key:
        raise invalid_parameter("You can't specify the function as a destination for itself.")
    if written.region != name.region:
        raise invalid_parameter(f"The destination ARN {arn} is invalid: it is in another region.")
    is_here = written.account_id == name.account_id
    if is_here and control.resources.find(Function, *name.key[:2], written.name) is None:
        raise invalid_parameter(f"The destination ARN {arn} is invalid.")


def _refuse_fifo(destination: str) -> None:
    if destination.endswith(".fifo") and _service(destination) in ("sqs", "sns"):
        raise invalid_parameter(
            f"The destination {destination} is a FIFO queue or topic. Please use a standard one."
        )

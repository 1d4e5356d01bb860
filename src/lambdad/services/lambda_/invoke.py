"""Invoke: check what is asked for, hand it to the data plane, say what became of it."""

from __future__ import annotations

import binascii
import json
import re
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lambdad.errors import ClientError
from lambdad.model.caller import RequestContext
from lambdad.model.function import FunctionVersion
from lambdad.model.invocation import Invocation, Result
from lambdad.model.limits import CLIENT_CONTEXT, EVENT_PAYLOAD, LOG_TAIL, REQUEST_PAYLOAD
from lambdad.model.strict_json import CHECKER
from lambdad.services.lambda_ import names
from lambdad.services.lambda_.control_plane import ControlPlane
from lambdad.services.lambda_.events import accept_event
from lambdad.services.lambda_.names import FunctionName
from lambdad.services.lambda_.tracing import invocation_trace, told_to_caller, upstream
from lambdad.services.lambda_.unsupported import refuse_unsupported

REQUEST_RESPONSE = "RequestResponse"
DRY_RUN = "DryRun"
EVENT = "Event"
SHOWN_OF_PAYLOAD = 500

_TOKEN = re.compile(r"[A-Za-z_$][\w$]*")


@dataclass(frozen=True, slots=True)
class Invocable:
    """What is to be run, and of which version."""

    version: FunctionVersion
    invocation: Invocation


async def invoke(
    control: ControlPlane, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Run a function and wait for its answer. A failure of the function is an answer too."""
    if request.get("InvocationType") == EVENT:
        return await _invoke_event(control, context, request)
    found = find_invocable(control, context, request)
    if found is None:
        return {"StatusCode": 204}
    result = await control.invoker.invoke(found.version, found.invocation)
    return _answer(result, found.invocation.trace_id, is_tail_wanted=is_tail_wanted(request))


def find_invocable(
    control: ControlPlane, context: RequestContext, request: Mapping[str, Any]
) -> Invocable | None:
    """What a request whose caller waits for the answer means; None for a dry run, which only asks
    whether it could be run."""
    name, version, payload = _checked(control, context, request)
    client_context = _client_context(request.get("ClientContext"))
    if request.get("InvocationType") == DRY_RUN:
        return None
    trace = invocation_trace(control, context, version)
    tenant_id = request.get("TenantId")
    invocation = Invocation(
        context.request_id,
        payload,
        name.arn,
        trace,
        client_context,
        tenant_id,
        accepted_at=control.clock.now(),
        upstream=upstream(context.trace_header),
    )
    return Invocable(version, invocation)


def is_tail_wanted(request: Mapping[str, Any]) -> bool:
    """Whether the end of the log is asked for."""
    return request.get("LogType") == "Tail"


def log_tail(result: Result) -> str:
    """The end of the log, as it is answered."""
    return b64encode(result.log_tail[-LOG_TAIL:]).decode()


async def _invoke_event(
    control: ControlPlane, context: RequestContext, request: Mapping[str, Any]
) -> dict[str, Any]:
    name, version, payload = _checked(control, context, request)
    _client_context(request.get("ClientContext"))
    trace = await accept_event(control, context, name, version, payload, request.get("TenantId"))
    return {"StatusCode": 202, **told_to_caller(trace)}


def _checked(
    control: ControlPlane, context: RequestContext, request: Mapping[str, Any]
) -> tuple[FunctionName, FunctionVersion, bytes]:
    """What is asked for, which version that is, and with what payload."""
    name = names.resolve(context, request)
    version = names.choose_invoked(control.resources, name, control.draw())
    check_invocable(version, request)
    invocation_type = request.get("InvocationType", REQUEST_RESPONSE)
    return name, version, checked_payload(request.get("Payload") or b"{}", invocation_type)


def check_invocable(version: FunctionVersion, request: Mapping[str, Any]) -> None:
    """Can this version be invoked at all, in this way?"""
    refuse_unsupported(request)
    _check_tenant(version, request.get("TenantId"))
    state = version.state.value
    if state != "Active":
        raise ClientError(
            "ResourceConflictException",
            "The operation cannot be performed at this time. "
            f"The function is currently in the following state: {state}",
        )
    if version.is_image:
        raise ClientError(
            "InvalidParameterValueException",
            "lambdad does not run container images yet; deploy the function as a zip.",
        )


def _check_tenant(version: FunctionVersion, tenant_id: str | None) -> None:
    """A tenant is named where each has environments of its own, and nowhere else."""
    if version.is_per_tenant and tenant_id is None:
        raise ClientError(
            "InvalidParameterValueException",
            "The invoked function is enabled with tenancy configuration. Add a valid tenant ID in "
            "your request and try again.",
        )
    if tenant_id is not None and not version.is_per_tenant:
        raise ClientError(
            "InvalidParameterValueException",
            "The invoked function is not enabled with tenancy configuration. Remove the tenant ID "
            "from your request and try again.",
        )


def _answer(result: Result, trace: str, *, is_tail_wanted: bool) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "StatusCode": 200,
        "ExecutedVersion": result.executed_version,
        "Payload": result.payload,
        **told_to_caller(trace),
    }
    if result.error is not None:
        answer["FunctionError"] = "Unhandled"
    if is_tail_wanted:
        answer["LogResult"] = log_tail(result)
    return answer


def checked_payload(
    payload: bytes, invocation_type: str = EVENT, limit: int = EVENT_PAYLOAD
) -> bytes:
    """The payload as it came, if it is JSON of a permitted size."""
    limit = limit if invocation_type == EVENT else REQUEST_PAYLOAD
    if len(payload) > limit:
        raise ClientError(
            "RequestTooLargeException",
            f"{len(payload)} byte payload is too large for the {invocation_type} invocation type "
            f"(limit {limit} bytes)",
        )
    _check_json(payload)
    return payload


def _check_json(payload: bytes) -> None:
    try:
        text = payload.decode()
    except UnicodeDecodeError as error:
        raise _not_json(f"Invalid UTF-8 at byte {error.start}") from None
    if not _is_plainly_json(text):
        _check_json_text(text)


def _is_plainly_json(text: str) -> bool:
    """Whether `text` is one JSON value with nothing around it; if not, it may still be JSON."""
    try:
        return CHECKER.raw_decode(text)[1] == len(text)
    except (ValueError, RecursionError):
        return False


def _check_json_text(text: str) -> None:
    try:
        CHECKER.decode(text)
    except json.JSONDecodeError as error:
        raise _not_json(_explanation(text, error)) from None
    except RecursionError:
        raise _not_json("It is nested too deeply") from None
    except ValueError as error:
        raise _not_json(str(error)) from None


def _explanation(text: str, error: json.JSONDecodeError) -> str:
    """What is wrong and where, in the words of AWS's parser as far as they are known."""
    token = _TOKEN.match(text, error.pos)
    what = (
        f"Unrecognized token '{token[0]}': was expecting ('true', 'false' or 'null')"
        if token
        else error.msg
    )
    source = text[:SHOWN_OF_PAYLOAD]
    return f'{what}\n at [Source: (byte[])"{source}"; line: {error.lineno}, column: {error.colno}]'


def _not_json(explanation: str) -> ClientError:
    return ClientError(
        "InvalidRequestContentException",
        f"Could not parse request body into json: {explanation}",
    )


def _client_context(encoded: str | None) -> str | None:
    """The client context as JSON text."""
    if not encoded:
        return None
    if len(encoded) > CLIENT_CONTEXT:
        raise _bad_client_context(f"must not be longer than {CLIENT_CONTEXT} bytes")
    try:
        text = b64decode(encoded, validate=True).decode()
        is_object = isinstance(json.loads(text), dict)
    except (binascii.Error, ValueError, RecursionError):
        is_object = False
    if not is_object:
        raise _bad_client_context("must be a valid Base64-encoded JSON object")
    return text


def _bad_client_context(rule: str) -> ClientError:
    return ClientError("InvalidRequestContentException", f"Client context {rule}.")


OPERATIONS = {"Invoke": invoke}

"""The context object: the second argument of every handler."""

from __future__ import annotations

import json
import time
from typing import Any, Dict, Mapping, Optional, Sequence

from lambdad_runtime import errors
from lambdad_runtime.errors import Fault
from lambdad_runtime.logs import Sink
from lambdad_runtime.runtime_api import InvocationRequest


class _Fields:
    """Named values that came as JSON; what is missing is None."""

    __slots__: Sequence[str] = ()

    def __init__(self, values: Mapping[str, Any]) -> None:
        for name in self.__slots__:
            setattr(self, name, values.get(name))

    def __repr__(self) -> str:
        return _describe(self, self.__slots__)


class CognitoIdentity(_Fields):
    """Who called, when a Cognito identity did."""

    __slots__ = ("cognito_identity_id", "cognito_identity_pool_id")


class Client(_Fields):
    """The mobile application that called."""

    __slots__ = (  # noqa: RUF023 (the order in which they are shown)
        "installation_id",
        "app_title",
        "app_version_name",
        "app_version_code",
        "app_package_name",
    )


class ClientContext(_Fields):
    """What a mobile application says about itself."""

    __slots__ = ("client", "custom", "env")

    def __init__(self, values: Mapping[str, Any]) -> None:
        super().__init__(values)
        client = values.get("client")
        self.client = None if client is None else Client(client)

    def __repr__(self) -> str:
        return _describe(self, ("custom", "env", "client"))


class LambdaContext:
    """One invocation, its function and its environment, as AWS documents them."""

    aws_request_id: str
    log_group_name: Optional[str]
    log_stream_name: Optional[str]
    function_name: Optional[str]
    memory_limit_in_mb: Optional[str]
    function_version: Optional[str]
    invoked_function_arn: str
    client_context: Optional[ClientContext]
    identity: CognitoIdentity
    tenant_id: Optional[str]
    _epoch_deadline_time_in_ms: int
    _sink: Sink

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the platform ends this invocation."""
        return max(self._epoch_deadline_time_in_ms - int(time.time() * 1000), 0)

    def log(self, msg: object) -> None:
        """Write a message to the function's log."""
        self._sink.log(str(msg))

    def __repr__(self) -> str:
        return _describe(self, _SHOWN)


_SHOWN = (
    "aws_request_id",
    "log_group_name",
    "log_stream_name",
    "function_name",
    "memory_limit_in_mb",
    "function_version",
    "invoked_function_arn",
    "client_context",
    "identity",
    "tenant_id",
)


class ContextBuilder:
    """Makes the contexts of one environment, whose share of them it reads once."""

    def __init__(self, variables: Mapping[str, str], sink: Sink) -> None:
        self._of_environment: Dict[str, Any] = {
            "log_group_name": variables.get("AWS_LAMBDA_LOG_GROUP_NAME"),
            "log_stream_name": variables.get("AWS_LAMBDA_LOG_STREAM_NAME"),
            "function_name": variables.get("AWS_LAMBDA_FUNCTION_NAME"),
            "memory_limit_in_mb": variables.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE"),
            "function_version": variables.get("AWS_LAMBDA_FUNCTION_VERSION"),
            "_sink": sink,
        }

    def build(self, request: InvocationRequest) -> LambdaContext:
        """The context of one invocation."""
        context = LambdaContext()
        context.__dict__.update(self._of_environment)
        context.aws_request_id = request.invoke_id
        context.invoked_function_arn = request.invoked_function_arn
        context.tenant_id = request.tenant_id
        context._epoch_deadline_time_in_ms = request.deadline_ms
        client = _parse("Client Context", request.client_context)
        context.client_context = None if client is None else ClientContext(client)
        context.identity = _identity(request.cognito_identity)
        return context


def _identity(text: Optional[str]) -> CognitoIdentity:
    known = _parse("Cognito Identity", text) or {}
    return CognitoIdentity(
        {
            "cognito_identity_id": known.get("cognitoIdentityId"),
            "cognito_identity_pool_id": known.get("cognitoIdentityPoolId"),
        }
    )


def _parse(subject: str, text: Optional[str]) -> Any:
    if not text:
        return None
    try:
        return json.loads(text)
    except ValueError as error:
        message = f"Unable to parse {subject} JSON: {error}"
        raise Fault(errors.CONTEXT_UNMARSHAL_ERROR, message) from None


def _describe(subject: object, names: Sequence[str]) -> str:
    values = ",".join(f"{name}={getattr(subject, name)}" for name in names)
    return f"{type(subject).__name__}([{values}])"

"""Which function a request means: FunctionName in all its forms, and Qualifier."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lambdad.arn import (
    LATEST,
    MAX_FUNCTION_NAME_LENGTH,
    FunctionIdentifier,
    caller_arn,
    function_arn,
    parse_function_identifier,
)
from lambdad.errors import ClientError
from lambdad.model.caller import Caller, RequestContext
from lambdad.model.function import Function
from lambdad.store.functions import FunctionKey, Functions


@dataclass(frozen=True, slots=True)
class FunctionName:
    """The function that a request means; `qualifier` is None when none was written."""

    account_id: str
    region: str
    name: str
    qualifier: str | None

    @property
    def key(self) -> FunctionKey:
        return (self.account_id, self.region, self.name)

    @property
    def arn(self) -> str:
        """As it was asked for: qualified if a qualifier was written."""
        return function_arn(*self._in_arn_order(), self.qualifier)

    @property
    def unqualified_arn(self) -> str:
        return function_arn(*self._in_arn_order())

    def _in_arn_order(self) -> tuple[str, str, str]:
        return (self.account_id, self.region, self.name)


def resolve(context: RequestContext, request: Mapping[str, Any]) -> FunctionName:
    """Read FunctionName and Qualifier of a request, and hold them against who asks."""
    text = request["FunctionName"]
    written = parse_function_identifier(text)
    if written is None:
        raise _invalid(
            text, "satisfy regular expression pattern: [a-zA-Z0-9-_]+", "ValidationException"
        )
    if len(written.name) > MAX_FUNCTION_NAME_LENGTH:
        rule = f"have length less than or equal to {MAX_FUNCTION_NAME_LENGTH}"
        raise _invalid(text, rule, "InvalidParameterValueException")
    qualifier = _qualifier(written.qualifier, request.get("Qualifier"))
    _refuse_strangers(context, written)
    caller = context.caller
    return FunctionName(caller.account_id, caller.region, written.name, qualifier)


def resolve_latest(context: RequestContext, request: Mapping[str, Any]) -> FunctionName:
    """The same for operations that change a function, which only `$LATEST` can be."""
    name = resolve(context, request)
    if name.qualifier not in (None, LATEST):
        raise ClientError(
            "InvalidParameterValueException",
            f"Only the {LATEST} version of a function can be created or changed: {name.arn}",
        )
    return name


def find(functions: Functions, name: FunctionName) -> Function:
    """The function, or AWS's error when there is no such function or version of it."""
    function = functions.find(*name.key)
    if function is None or name.qualifier not in (None, LATEST):
        raise not_found(name)
    return function


def not_found(name: FunctionName) -> ClientError:
    """AWS's error for what does not exist."""
    return ClientError("ResourceNotFoundException", f"Function not found: {name.arn}")


def _qualifier(in_name: str | None, parameter: str | None) -> str | None:
    if in_name and parameter and in_name != parameter:
        raise ClientError(
            "InvalidParameterValueException",
            "The derived qualifier from the function name does not match the specified qualifier.",
        )
    return in_name or parameter


def _refuse_strangers(context: RequestContext, written: FunctionIdentifier) -> None:
    """Functions of another region are not here; those of another account need a permission."""
    caller = context.caller
    if written.region not in (None, caller.region):
        raise ClientError(
            "ResourceNotFoundException",
            f"Functions from '{written.region}' are not reachable in this region "
            f"('{caller.region}')",
        )
    if written.account_id not in (None, caller.account_id):
        raise _access_denied(context.operation, caller, written)


def _access_denied(operation: str, caller: Caller, written: FunctionIdentifier) -> ClientError:
    action = "InvokeFunction" if operation == "Invoke" else operation
    arn = function_arn(written.account_id or "", caller.region, written.name, written.qualifier)
    user = caller_arn(caller.account_id, caller.role, caller.session_name)
    return ClientError(
        "AccessDeniedException",
        f"User: {user} is not authorized to perform: lambda:{action} on resource: {arn} because "
        f"no resource-based policy allows the lambda:{action} action",
        status=403,
    )


def _invalid(text: str, rule: str, code: str) -> ClientError:
    return ClientError(
        code,
        f"1 validation error detected: Value '{text}' at 'functionName' failed to satisfy "
        f"constraint: Member must {rule}",
        status=400,
    )

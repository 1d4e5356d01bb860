"""Which function a request means: FunctionName in all its forms, and Qualifier."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from lambdad.arn import (
    LATEST,
    MAX_FUNCTION_NAME_LENGTH,
    function_arn,
    parse_function_identifier,
)
from lambdad.errors import ClientError
from lambdad.model.alias import Alias, choose_version
from lambdad.model.caller import RequestContext
from lambdad.model.function import LATEST_PUBLISHED, Function, FunctionVersion
from lambdad.model.resource import Key
from lambdad.store.resources import Resources

# The actions of policies that are not called as the operations are.
_ACTIONS: Mapping[str, str] = MappingProxyType(
    {
        "GetLayerVersionByArn": "GetLayerVersion",
        "Invoke": "InvokeFunction",
        "InvokeWithResponseStream": "InvokeFunction",
    }
)


@dataclass(frozen=True, slots=True)
class FunctionName:
    """The function that a request means; `qualifier` is None when none was written."""

    account_id: str
    region: str
    name: str
    qualifier: str | None

    @property
    def key(self) -> Key:
        """Where the function lives."""
        return (self.account_id, self.region, self.name)

    @property
    def qualified_key(self) -> Key:
        """Where lives what belongs to the function, or to the qualifier if one was written."""
        id = f"{self.name}:{self.qualifier}" if self.qualifier else self.name
        return (self.account_id, self.region, id)

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
    """Read FunctionName and Qualifier of a request. What another account may do is done in the
    account of the function (see authorization.py); what else it asks for is refused."""
    name = read(context, request)
    if name.account_id != context.caller.account_id:
        raise access_denied(context, name.arn)
    return name


def read(context: RequestContext, request: Mapping[str, Any]) -> FunctionName:
    """Read FunctionName and Qualifier of a request, whoever asks."""
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
    caller = context.caller
    if written.region not in (None, caller.region):
        raise ClientError(
            "ResourceNotFoundException",
            f"Functions from '{written.region}' are not reachable in this region "
            f"('{caller.region}')",
        )
    account_id = written.account_id or caller.account_id
    return FunctionName(account_id, caller.region, written.name, qualifier)


def resolve_latest(context: RequestContext, request: Mapping[str, Any]) -> FunctionName:
    """The same for operations that change a function, which only `$LATEST` can be."""
    name = resolve(context, request)
    if name.qualifier not in (None, LATEST):
        raise ClientError(
            "InvalidParameterValueException",
            f"Only the {LATEST} version of a function can be created or changed: {name.arn}",
        )
    return name


def resolve_unqualified(context: RequestContext, request: Mapping[str, Any]) -> FunctionName:
    """The same for operations on the function as a whole."""
    name = resolve(context, request)
    if name.qualifier is not None:
        raise ClientError(
            "InvalidParameterValueException",
            "This operation is permitted on Lambda functions only. Aliases and versions do not "
            "support this operation. Please specify either a function name or an unqualified "
            "function ARN.",
        )
    return name


def find_function(resources: Resources, name: FunctionName) -> Function:
    """The function, whatever the qualifier says, or AWS's error when there is none."""
    function = resources.find(Function, *name.key)
    if function is None:
        raise not_found(name)
    return function


def find_version(resources: Resources, name: FunctionName) -> FunctionVersion:
    """The version that the qualifier means, as it is configured: while `$LATEST` changes, it is
    the new one. An alias means its own version, whatever its weights."""
    function = find_function(resources, name)
    if name.qualifier in (None, LATEST):
        return function.newest
    if name.qualifier == LATEST_PUBLISHED and function.pending_published:
        return function.pending_published
    alias = resources.find(Alias, *name.qualified_key)
    version = alias.function_version if alias else name.qualifier
    return function.newest if version == LATEST else _published(resources, name, function, version)


def choose_invoked(resources: Resources, name: FunctionName, draw: float) -> FunctionVersion:
    """The version that an invocation runs; `draw`, from 0 to just below 1, decides between those
    of an alias with weights."""
    function = find_function(resources, name)
    if name.qualifier in (None, LATEST):
        return function.latest
    alias = resources.find(Alias, *name.qualified_key)
    version = choose_version(alias, draw) if alias else name.qualifier
    return function.latest if version == LATEST else _published(resources, name, function, version)


def _published(
    resources: Resources, name: FunctionName, function: Function, version: str | None
) -> FunctionVersion:
    account_id, region, function_name = name.key
    found = resources.find(FunctionVersion, account_id, region, f"{function_name}:{version}")
    if found is None and version == LATEST_PUBLISHED:
        found = function.pending_published  # the first one: nothing serves before it
    if found is None:
        raise not_found(name)
    return found


def is_version(qualifier: str) -> bool:
    """Whether a qualifier is that of a version; else it is an alias's name."""
    return qualifier.isdigit() or qualifier in (LATEST, LATEST_PUBLISHED)


def not_found(name: FunctionName) -> ClientError:
    """AWS's error for what does not exist."""
    return ClientError("ResourceNotFoundException", f"Function not found: {name.arn}")


def access_denied(context: RequestContext, arn: str, *, is_explicit: bool = False) -> ClientError:
    """AWS's error for who may not do what the context says with the resource of this ARN."""
    caller, action = context.caller, action_of(context.operation)
    user = caller.arn
    reason = (
        "with an explicit deny in a resource-based policy"
        if is_explicit
        else f"because no resource-based policy allows the {action} action"
    )
    return ClientError(
        "AccessDeniedException",
        f"User: {user} is not authorized to perform: {action} on resource: {arn} {reason}",
        status=403,
    )


def action_of(operation: str) -> str:
    """What policies call an operation."""
    return f"lambda:{_ACTIONS.get(operation, operation)}"


def _qualifier(in_name: str | None, parameter: str | None) -> str | None:
    if in_name and parameter and in_name != parameter:
        raise ClientError(
            "InvalidParameterValueException",
            "The derived qualifier from the function name does not match the specified qualifier.",
        )
    return in_name or parameter


def _invalid(text: str, rule: str, code: str) -> ClientError:
    return ClientError(
        code,
        f"1 validation error detected: Value '{text}' at 'functionName' failed to satisfy "
        f"constraint: Member must {rule}",
        status=400,
    )

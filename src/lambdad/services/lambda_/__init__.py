"""AWS Lambda's control plane: the dispatch table of its operations."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

from lambdad.model.caller import RequestContext
from lambdad.services.lambda_ import functions
from lambdad.services.lambda_.code_links import download
from lambdad.services.lambda_.control_plane import ControlPlane
from lambdad.services.lambda_.invoke import invoke
from lambdad.services.lambda_.taking_effect import resume
from lambdad.services.lambda_.unsupported import OPERATIONS

Operation = Callable[[RequestContext, dict[str, Any]], Awaitable[Mapping[str, Any]]]


def operations(control: ControlPlane) -> dict[tuple[str, str], Operation]:
    """Every operation that lambdad performs."""
    return {
        ("lambda", "CreateFunction"): partial(functions.create_function, control),
        ("lambda", "DeleteFunction"): partial(functions.delete_function, control),
        ("lambda", "GetFunction"): partial(functions.get_function, control),
        ("lambda", "GetFunctionConfiguration"): partial(
            functions.get_function_configuration, control
        ),
        ("lambda", "Invoke"): partial(invoke, control),
        ("lambda", "ListFunctions"): partial(functions.list_functions, control),
        ("lambda", "UpdateFunctionCode"): partial(functions.update_function_code, control),
        ("lambda", "UpdateFunctionConfiguration"): partial(
            functions.update_function_configuration, control
        ),
    }


def unsupported() -> dict[tuple[str, str], str]:
    """Every other operation, and the sentence that a caller gets."""
    return {
        ("lambda", operation): f"lambdad does not support the operation {operation} yet."
        for operation in OPERATIONS
    }


__all__ = ["ControlPlane", "Operation", "download", "operations", "resume", "unsupported"]

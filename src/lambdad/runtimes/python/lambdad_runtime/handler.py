"""Finds the function's handler by its name: `module.function`, `dir/module.function`."""

from __future__ import annotations

import importlib
import sys
from typing import Any, Callable

from lambdad_runtime import errors
from lambdad_runtime.errors import Fault


def load(handler: str) -> Callable[[Any, Any], Any]:
    """Import the module and take the function out of it."""
    try:
        (module_name, function_name) = handler.rsplit(".", 1)
    except ValueError as error:
        raise Fault(errors.MALFORMED_HANDLER_NAME, f"Bad handler '{handler}': {error}") from None
    module = _import(module_name)
    try:
        function: Callable[[Any, Any], Any] = getattr(module, function_name)
    except AttributeError:
        message = f"Handler '{function_name}' missing on module '{module_name}'"
        raise Fault(errors.HANDLER_NOT_FOUND, message) from None
    return function


def _import(name: str) -> Any:
    if name.split(".")[0] in sys.builtin_module_names:
        message = f"Cannot use built-in module {name} as a handler module"
        raise Fault(errors.BUILT_IN_MODULE_CONFLICT, message)
    try:
        return importlib.import_module(name.replace("/", "."))
    except ImportError as error:
        message = f"Unable to import module '{name}': {error}"
        raise Fault(errors.IMPORT_MODULE_ERROR, message) from None
    except SyntaxError as error:
        trace = [f'  File "{error.filename}" Line {error.lineno}\n    {error.text}']
        message = f"Syntax error in module '{name}': {error}"
        raise Fault(errors.USER_CODE_SYNTAX_ERROR, message, trace) from None

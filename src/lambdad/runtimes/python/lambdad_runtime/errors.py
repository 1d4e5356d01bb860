"""What went wrong, in the form that AWS gives it.

Fault   the runtime's own finding (a handler that is missing, a result that is no JSON)
others  whatever the function raised
"""

from __future__ import annotations

import json
import os
import traceback
from typing import Any, Dict, List, Sequence, Tuple

IMPORT_MODULE_ERROR = "Runtime.ImportModuleError"
BUILT_IN_MODULE_CONFLICT = "Runtime.BuiltInModuleConflict"
MALFORMED_HANDLER_NAME = "Runtime.MalformedHandlerName"
HANDLER_NOT_FOUND = "Runtime.HandlerNotFound"
USER_CODE_SYNTAX_ERROR = "Runtime.UserCodeSyntaxError"
UNMARSHAL_ERROR = "Runtime.UnmarshalError"
MARSHAL_ERROR = "Runtime.MarshalError"
CONTEXT_UNMARSHAL_ERROR = "Runtime.LambdaContextUnmarshalError"

_LARGEST_CAUSE = 65536
_LARGEST_MESSAGE = 65536
_RUNTIME_DIRECTORY = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_RUNTIME_FILES = (
    os.path.join(_RUNTIME_DIRECTORY, "bootstrap.py"),
    os.path.join(_RUNTIME_DIRECTORY, "lambdad_runtime", ""),
)

Frame = Tuple[str, int, str, str]


class Fault(Exception):
    """A failure that the runtime itself finds."""

    def __init__(self, error_type: str, message: str, trace: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.error_type = error_type
        self.message = message
        self.trace = list(trace)


def make_error(
    message: str, error_type: str, stack_trace: List[str], invoke_id: str = ""
) -> Dict[str, Any]:
    """The error object that the client of the function gets."""
    return {
        "errorMessage": message,
        "errorType": error_type,
        "requestId": invoke_id,
        "stackTrace": stack_trace,
    }


def from_exception(
    exception: BaseException, frames: List[Frame], invoke_id: str = ""
) -> Dict[str, Any]:
    """The error object of an exception; of a chain only the last one counts, as at AWS."""
    stack_trace = traceback.format_list(frames)
    return make_error(str(exception), type(exception).__name__, stack_trace, invoke_id)


def describe(exception: Exception, invoke_id: str) -> Tuple[Dict[str, Any], Dict[str, Any]]:
    """The error object of what a handler raised, or of a Fault, and the error as X-Ray wants it."""
    if isinstance(exception, Fault):
        error = make_error(exception.message, exception.error_type, exception.trace, invoke_id)
        return error, xray_cause("LambdaValidationError", exception.message, [])
    frames = function_frames(exception)
    error = from_exception(exception, frames, invoke_id)
    return error, xray_cause(error["errorType"], error["errorMessage"], frames)


def shortened(error: Dict[str, Any]) -> Dict[str, Any]:
    """An error that is told behind a response, where there is less room: a long one without its
    stack."""
    told = sum(map(len, error["stackTrace"])) + len(error["errorMessage"])
    if told <= _LARGEST_MESSAGE:
        return error
    return {**error, "errorMessage": error["errorMessage"][:_LARGEST_MESSAGE], "stackTrace": []}


def function_frames(exception: BaseException) -> List[Frame]:
    """The frames of the traceback without the runtime's own, unless there are no others."""
    frames = [
        (frame.filename, frame.lineno or 0, frame.name, frame.line or "")
        for frame in traceback.extract_tb(exception.__traceback__)
    ]
    for index, frame in enumerate(frames):
        if not frame[0].startswith(_RUNTIME_FILES):
            return frames[index:]
    return frames


def xray_cause(error_type: str, message: str, frames: List[Frame]) -> Dict[str, Any]:
    """The error as X-Ray wants it."""
    stack = [{"label": name, "path": path, "line": line} for path, line, name, _ in frames]
    return {
        "working_directory": os.getcwd(),
        "exceptions": [{"message": message, "type": error_type, "stack": stack}],
        "paths": sorted({path for path, *_ in frames}),
    }


def to_header(cause: Dict[str, Any]) -> str:
    """`cause` on one line of ASCII; a cause that is too long for a header is left out."""
    text = json.dumps(cause)
    return text if len(text) < _LARGEST_CAUSE else ""

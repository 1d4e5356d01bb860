"""Logging as AWS's Python runtime sets it up: the root logger writes text or JSON lines.

Lines go to standard output, or, when the platform offers a telemetry channel, to that as frames,
which keep a message of several lines in one piece.
"""

from __future__ import annotations

import json
import logging
import os
import struct
import sys
import time
import traceback
from typing import Any, Dict, List, MutableMapping, NamedTuple, Optional, Union

_CHANNEL_VARIABLE = "_LAMBDA_TELEMETRY_LOG_FD"
_TEXT_FORMAT = "[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s\n"
_LINE_END_IN_ERRORS = "\r"  # keeps the lines of an error in one event of the log
_INDENT_IN_ERRORS = "\u00a0"  # a space that no log viewer trims

_FRAME_HEAD = struct.Struct(">IIQ")
_UNKNOWN_TEXT_FRAME = 0xA55A0003
_TEXT_FRAMES = {
    logging.DEBUG: 0xA55A000B,
    logging.INFO: 0xA55A000F,
    logging.WARNING: 0xA55A0013,
    logging.ERROR: 0xA55A0017,
    logging.CRITICAL: 0xA55A001B,
}

_WARNING = (
    "LAMBDA_WARNING: Unhandled exception. The most likely cause is an issue in the function code. "
    "However, in rare cases, a Lambda runtime update can cause unexpected function behavior. "
    "For functions using managed runtimes, runtime updates can be triggered by a function change, "
    "or can be applied automatically. To determine if the runtime has been updated, check the "
    "runtime version in the INIT_START log entry. If this error correlates with a change in the "
    "runtime version, you may be able to mitigate this error by temporarily rolling back to the "
    "previous runtime version. For more information, see "
    "https://docs.aws.amazon.com/lambda/latest/dg/runtimes-update.html\r"
)


class OutputSink:
    """Writes to whatever `sys.stdout` is at that moment, always whole lines."""

    def log(self, message: str, frame_type: int = _UNKNOWN_TEXT_FRAME) -> None:
        """Write one message."""
        sys.stdout.write(_writable(message if message.endswith("\n") else message + "\n"))

    def log_error(self, lines: List[str], frame_type: int) -> None:
        """Write the lines of one error."""
        sys.stdout.write(_writable(_LINE_END_IN_ERRORS.join(lines) + "\n"))


class FrameSink:
    """Writes frames to the telemetry channel."""

    def __init__(self, descriptor: int) -> None:
        self._file = os.fdopen(descriptor, "wb", 0)

    def log(self, message: str, frame_type: int = _UNKNOWN_TEXT_FRAME) -> None:
        """Write one message."""
        text = message.encode("utf-8", "backslashreplace")
        head = _FRAME_HEAD.pack(frame_type, len(text), time.time_ns() // 1000)
        self._file.write(head + text)

    def log_error(self, lines: List[str], frame_type: int) -> None:
        """Write the lines of one error."""
        self.log("\n".join(lines), frame_type)


Sink = Union[OutputSink, FrameSink]


class LambdaLoggerHandler(logging.Handler):
    """The root logger's handler. Libraries look for this name, which is AWS's."""

    def __init__(self, log_sink: Sink, frame_types: Optional[Dict[int, int]]) -> None:
        super().__init__()
        self.log_sink = log_sink
        self._frame_types = frame_types

    def emit(self, record: logging.LogRecord) -> None:
        """Format and write."""
        message = self.format(record)
        if self._frame_types is None:
            self.log_sink.log(message)
        else:
            level = _whole_level(record.levelno)
            self.log_sink.log(message, self._frame_types[level])


class LambdaLoggerFilter(logging.Filter):
    """Tells every record which invocation it belongs to."""

    aws_request_id = ""
    tenant_id: Optional[str] = None

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record pass."""
        record.aws_request_id = self.aws_request_id
        record.tenant_id = self.tenant_id
        return True


class JsonFormatter(logging.Formatter):
    """One JSON object a line, with AWS's fields."""

    def __init__(self) -> None:
        super().__init__(datefmt="%Y-%m-%dT%H:%M:%SZ")

    def format(self, record: logging.LogRecord) -> str:
        """The record's line."""
        record.levelname = logging.getLevelName(_whole_level(record.levelno))
        fields = {
            "timestamp": self.formatTime(record, self.datefmt),
            "level": record.levelname,
            "message": record.msg if isinstance(record.msg, dict) else record.getMessage(),
            "logger": record.name,
            **_exception_fields(record),
        }
        fields["requestId"] = getattr(record, "aws_request_id", None)
        if record.exc_info:
            fields["location"] = f"{record.pathname}:{record.funcName}:{record.lineno}"
        fields["tenantId"] = getattr(record, "tenant_id", None) or None
        for name, value in record.__dict__.items():
            if name not in _RECORD_FIELDS and name not in fields:
                fields[name] = value
        present = {name: value for name, value in fields.items() if value is not None}
        return json.dumps(present, default=str, ensure_ascii=False) + "\n"


_RECORD_FIELDS = frozenset(logging.makeLogRecord({}).__dict__) | {
    "message",
    "asctime",
    "aws_request_id",
    "tenant_id",
}


class Log(NamedTuple):
    """What the loop needs of all this."""

    sink: Sink
    filter: LambdaLoggerFilter
    is_json: bool

    def warn_of_unhandled_exception(self) -> None:
        """What AWS says before an error of the Init phase."""
        logging.getLogger().warning(_WARNING)

    def error(self, error: Dict[str, Any]) -> None:
        """Log an error that ends the invocation, or the Init phase."""
        level = _frame_types(self.is_json)[logging.ERROR]
        if not self.is_json:
            self.sink.log_error(_error_lines(error), level)
            return
        when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        fields = {"timestamp": when, "level": "ERROR", **error}
        self.sink.log_error([json.dumps(fields, ensure_ascii=False)], level)


def set_up(variables: MutableMapping[str, str]) -> Log:
    """Give the root logger its handler, and nothing of what an earlier owner left there."""
    is_json = variables.get("AWS_LAMBDA_LOG_FORMAT", "").upper() == "JSON"
    level = variables.get("AWS_LAMBDA_LOG_LEVEL", "").upper().replace("TRACE", "DEBUG")
    log = Log(_sink(variables), LambdaLoggerFilter(), is_json)
    handler = LambdaLoggerHandler(log.sink, _frame_types(is_json) if is_json or level else None)
    text = logging.Formatter(_TEXT_FORMAT, "%Y-%m-%dT%H:%M:%S")
    handler.setFormatter(JsonFormatter() if is_json else text)
    handler.addFilter(log.filter)
    logging.Formatter.converter = time.gmtime
    logging.disable(logging.NOTSET)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    known = isinstance(logging.getLevelName(level), int)
    root.setLevel(level if known else logging.WARNING)
    return log


def _sink(variables: MutableMapping[str, str]) -> Sink:
    descriptor = variables.pop(_CHANNEL_VARIABLE, "")
    return FrameSink(int(descriptor)) if descriptor else OutputSink()


def _frame_types(is_json: bool) -> Dict[int, int]:
    """The frame of JSON is the one below the frame of text."""
    return {level: frame - is_json for level, frame in _TEXT_FRAMES.items()}


def _whole_level(number: int) -> int:
    """Levels between AWS's five count as the one below."""
    return min(max(number // 10 * 10, logging.DEBUG), logging.CRITICAL)


def _exception_fields(record: logging.LogRecord) -> Dict[str, Any]:
    if not record.exc_info or record.exc_info[0] is None:
        return {}
    kind, exception, trace = record.exc_info
    return {
        "stackTrace": traceback.format_tb(trace),
        "errorType": kind.__name__,
        "errorMessage": str(exception),
    }


def _error_lines(error: Dict[str, Any]) -> List[str]:
    parts = [part for part in (error["errorType"], error["errorMessage"]) if part]
    lines = [f"[ERROR] {': '.join(parts)}", "Traceback (most recent call last):"]
    for entry in error["stackTrace"]:
        for line in entry.splitlines() or [""]:
            text = line.lstrip(" ")
            lines.append(_INDENT_IN_ERRORS * (len(line) - len(text)) + text)
    return lines


def _writable(text: str) -> str:
    """`text` without half surrogate pairs, at which an output stream would fail."""
    return text.encode("utf-8", "backslashreplace").decode()

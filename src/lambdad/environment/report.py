"""The lines that the platform itself writes into a function's log, as AWS writes them."""

from __future__ import annotations

import hashlib
import math
import re

from lambdad.model.invocation import FunctionError, Report
from lambdad.model.runtime import NODEJS, Interpreter, is_os_only

_NAME = re.compile(r"([a-z]+)(\d+(?:\.\d+)?)")


def init_start(runtime: str, interpreter: Interpreter, region: str) -> str:
    """The line INIT_START; it says so when another runtime than the one asked for runs."""
    own = f"{runtime.replace('.', ':')}.v1" if is_os_only(runtime) else None
    line = (
        f"INIT_START Runtime Version: {own or runtime_version(interpreter)}\t"
        f"Runtime Version ARN: {runtime_version_arn(interpreter, region)}"
    )
    if own is None and runtime != interpreter.name:
        line += f"\t({runtime} is not on this machine; {interpreter.name} runs instead)"
    return line


def runtime_version(interpreter: Interpreter) -> str:
    """`python:3.12.v1`, from the interpreter's own version 3.12.1; `nodejs:22.v4` from 22.4.0."""
    language, version = _NAME.match(interpreter.name).groups()  # type: ignore[union-attr]
    numbers = interpreter.version.split(".")
    further = numbers[version.count(".") + 1 :] or ["0"]
    release = further[0] if language == NODEJS else further[-1]
    return f"{language}:{version}.v{release}"


def runtime_version_arn(interpreter: Interpreter, region: str) -> str:
    """An ARN in AWS's form; its hash names the interpreter's version."""
    digest = hashlib.sha256(interpreter.version.encode()).hexdigest()
    return f"arn:aws:lambda:{region}::runtime:{digest}"


def start(request_id: str, version: str) -> str:
    """The line START."""
    return f"START RequestId: {request_id} Version: {version}"


def end(request_id: str) -> str:
    """The line END."""
    return f"END RequestId: {request_id}"


def report(figures: Report) -> str:
    """The line REPORT; of an invocation that is traced it goes on in a second one, as AWS's."""
    parts = [
        f"REPORT RequestId: {figures.request_id}",
        f"Duration: {figures.duration_ms:.2f} ms",
        f"Billed Duration: {figures.billed_duration_ms} ms",
        f"Memory Size: {figures.memory_size_mb} MB",
        f"Max Memory Used: {figures.max_memory_used_mb} MB",
    ]
    if figures.init_duration_ms is not None:
        parts.append(f"Init Duration: {figures.init_duration_ms:.2f} ms")
    if figures.error is not None and figures.error.status:
        parts.append(f"Status: {figures.error.status}")
        if figures.error.status == "error":
            parts.append(f"Error Type: {figures.error.error_type}")
    line = "\t".join(parts) + "\t"
    if figures.trace is None:
        return line
    trace = figures.trace
    return f"{line}\nXRAY TraceId: {trace.root}\tSegmentId: {trace.parent}\tSampled: true\t"


def init_report(duration_ms: float, phase: str, error: FunctionError | None) -> str:
    """The line INIT_REPORT, which is written when the Init phase fails or ran ahead."""
    line = f"INIT_REPORT Init Duration: {duration_ms:.2f} ms\tPhase: {phase}"
    if error is None:
        return line
    line += f"\tStatus: {error.status}"
    return line if error.status == "timeout" else f"{line}\tError Type: {error.error_type}"


def billed_ms(duration_ms: float, init_duration_ms: float | None) -> int:
    """Whole milliseconds, rounded up; Init is billed since August 2025."""
    return max(1, math.ceil(duration_ms + (init_duration_ms or 0.0)))

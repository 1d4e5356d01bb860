"""What Lambda itself tells X-Ray of an invocation that is traced.

AWS::Lambda             the service: from the moment at which the request was accepted
└─ AWS::Lambda::Function   the function; its own subsegments hang below it
   ├─ Initialization         of a cold start
   ├─ Invocation             what REPORT calls Duration
   └─ Overhead               until the environment is ready for another
"""

from __future__ import annotations

import hashlib
import os
from typing import Any

from lambdad.model.function import FunctionVersion
from lambdad.model.invocation import Ended, FunctionError
from lambdad.model.trace_header import TraceHeader

Document = dict[str, Any]


def lambda_segments(
    version: FunctionVersion, ended: Ended, trace: TraceHeader, now: float
) -> tuple[Document, Document]:
    """The two segments of an invocation whose environment is ready again `now`. The function's has
    the id that its trace header names as parent; the service's has the same in every try of an
    event."""
    request_id = ended.report.request_id
    service_id = hashlib.blake2b(request_id.encode(), digest_size=8).hexdigest()
    common = {"trace_id": trace.root, "name": version.name, "end_time": now}
    common |= _failure(ended.report.error)
    aws = {"request_id": request_id, "account_id": version.account_id}
    service: Document = {
        **common,
        "id": service_id,
        "origin": "AWS::Lambda",
        "start_time": ended.accepted_at or ended.began_at,
        "resource_arn": ended.invoked_arn,
        "http": {"response": {"status": 200 if ended.attempt is None else 202}},
        "aws": {**aws, "resource_names": [version.name], "operation": "Invoke"},
    }
    if ended.upstream:
        service["parent_id"] = ended.upstream
    if ended.attempt is not None:
        service["aws"]["retries"] = ended.attempt - 1
    function = {
        **common,
        "id": trace.parent,
        "parent_id": service_id,
        "origin": "AWS::Lambda::Function",
        "start_time": ended.began_at,
        "resource_arn": version.qualified_arn,
        "aws": {**aws, "function_arn": version.qualified_arn},
        "subsegments": _phases(ended, now),
    }
    return service, function


def _phases(ended: Ended, now: float) -> list[Document]:
    report = ended.report
    invoke_at = ended.ended_at - report.duration_ms / 1000
    phases = []
    if report.init_duration_ms is not None:
        init_at = invoke_at - report.init_duration_ms / 1000
        phases.append(_phase("Initialization", init_at, invoke_at))
    phases.append(_phase("Invocation", invoke_at, ended.ended_at))
    phases.append(_phase("Overhead", ended.ended_at, max(now, ended.ended_at)))
    return phases


def _phase(name: str, start: float, end: float) -> Document:
    return {"id": os.urandom(8).hex(), "name": name, "start_time": start, "end_time": end}


def _failure(error: FunctionError | None) -> Document:
    if error is None:
        return {}
    cause = {"id": os.urandom(8).hex(), "type": error.error_type, "message": error.status}
    return {"fault": True, "cause": {"exceptions": [cause]}}

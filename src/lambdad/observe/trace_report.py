"""What operators are told of one request: where its time went, and what its function did."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lambdad.errors import ClientError, invalid_parameter
from lambdad.model.caller import Caller
from lambdad.model.segment import is_time
from lambdad.model.trace import put_together
from lambdad.model.trace_header import sampled_trace
from lambdad.observe.traces import TraceStore

_MOST_SUBSEGMENTS = 200  # are told
_LAMBDAS_OWN = ("Initialization", "Invocation", "Overhead")


@dataclass(frozen=True, slots=True)
class TraceReport:
    """Answers the operators' route for traces."""

    traces: TraceStore

    async def show(self, caller: Caller, query: Mapping[str, str]) -> Mapping[str, Any]:
        """Every try of the request `RequestId`, the first one first."""
        request_id = query.get("RequestId", "")
        if not request_id:
            raise invalid_parameter("RequestId names the request.")
        place = (caller.account_id, caller.region)

        def read() -> list[dict[str, Any]]:
            found = self.traces.invocations(*place, request_id)
            return [self._described(place, each) for each in found]

        tries = await asyncio.to_thread(read)
        if not tries:
            raise ClientError(
                "ResourceNotFoundException",
                f"No invocation with the request id {request_id} has ended here.",
                status=404,
            )
        return {"RequestId": request_id, "Invocations": tries}

    def _described(self, place: tuple[str, str], each: Mapping[str, Any]) -> dict[str, Any]:
        header = sampled_trace(each["trace_id"])
        described = {
            "FunctionName": each["function"],
            "Version": each["version"],
            "Attempt": each["attempt"],
            "AcceptedAt": each["accepted_at"],
            "BeganAt": each["began_at"],
            "EndedAt": each["ended_at"],
            "Duration": each["duration_ms"],
            "InitDuration": each["init_ms"],
            "InitializationType": each["initialization_type"],
            "BilledDuration": each["billed_ms"],
            "ErrorType": each["error_type"],
            "TraceHeader": each["trace_id"],
            "LogStream": each["log_stream"],
            "Subsegments": [],
        }
        if header is not None:
            described["Subsegments"] = self._subsegments(place, header.root, header.parent)
        return described

    def _subsegments(
        self, place: tuple[str, str], trace_id: str, segment_id: str
    ) -> list[dict[str, Any]]:
        """What the function told X-Ray of this try, by their start."""
        found = put_together(self.traces.segments(*place, {trace_id}))
        own = [
            told
            for trace in found
            for segment in trace.segments
            if segment.id == segment_id
            for told in _below(segment.document, 0)
        ]
        return sorted(own, key=lambda told: told["StartTime"])[:_MOST_SUBSEGMENTS]


def _below(document: Mapping[str, Any], depth: int) -> Iterator[dict[str, Any]]:
    below = document.get("subsegments")
    for each in below if isinstance(below, list) and depth < 20 else ():
        if isinstance(each, dict) and is_time(each.get("start_time")):
            end = each.get("end_time")
            if depth or each.get("name") not in _LAMBDAS_OWN:
                yield {
                    "Name": str(each.get("name", ""))[:200],
                    "Depth": depth,
                    "StartTime": each["start_time"],
                    "EndTime": end if is_time(end) else None,
                    "HasFault": each.get("fault") is True or each.get("error") is True,
                }
            yield from _below(each, depth + 1)

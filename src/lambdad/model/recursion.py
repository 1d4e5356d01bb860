"""Does a function invoke itself over and over? The lineage of the trace header tells.

Every invocation that comes with a header counts itself there, and what it invokes gets the header
along: AWS's SDKs pass it on. A function that does not pass it on is not found out.

A function is stopped by what its own requests bring along. Who forges a lineage can stop his own
request, and cannot hide a loop: the latest function is always in the lineage, and the one that was
not counted for longest makes room for it, so a loop of at most MOST_FUNCTIONS is found.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache

from lambdad.model.trace_header import HIGHEST_COUNT, MOST_FUNCTIONS, TraceHeader

MOST_INVOCATIONS = 16  # of one function by one request; AWS says "approximately"


def is_loop(header: TraceHeader, function_arn: str) -> bool:
    """Whether the request, this invocation counted, has invoked the function (its unqualified ARN)
    too often."""
    return _count(header, _hash(function_arn)) > MOST_INVOCATIONS


def count_hop(header: TraceHeader, function_arn: str) -> TraceHeader:
    """The header with which this function (its unqualified ARN) is invoked."""
    hash = _hash(function_arn)
    count = min(_count(header, hash) + 1, HIGHEST_COUNT)
    others = [counted for counted in header.lineage if counted[0] != hash]
    lineage = ((hash, count), *others[: MOST_FUNCTIONS - 1])
    return TraceHeader(header.root, header.parent, header.sampled, lineage)


def _count(header: TraceHeader, hash: str) -> int:
    return max([count for other, count in header.lineage if other == hash], default=0)


@lru_cache(maxsize=4096)
def _hash(function_arn: str) -> str:
    return hashlib.sha256(function_arn.encode()).hexdigest()[:8]

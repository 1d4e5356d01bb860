"""POLICY: the memory size that a function's usage recommends.

Memory buys processor time too, 1,769 MB being one processor. So a function that has used up its
share may be faster, and no dearer, with more; one that uses little of both can do with less.
"""

from __future__ import annotations

from lambdad.model.usage import Usage

LEAST_MB, MOST_MB = 128, 10_240
FULL_PROCESSOR_MB = 1_769
ENOUGH_INVOCATIONS = 20  # before anything is recommended

_HEADROOM = 1.3
_BUSY, _IDLE = 0.85, 0.5  # parts of its processor share
_STEP_MB = 64


def recommended_memory_mb(memory_mb: int, used: Usage) -> int | None:
    """A size that fits better than `memory_mb`; None when this one is right, or nobody can tell."""
    if used.invocations < ENOUGH_INVOCATIONS or used.duration_ms <= 0:
        return None
    needed_mb = _in_steps(used.max_memory_used_mb * _HEADROOM)
    if needed_mb > memory_mb:
        return min(needed_mb, MOST_MB)
    share = memory_mb / FULL_PROCESSOR_MB
    processors = used.cpu_ms / (used.duration_ms + used.init_duration_ms)
    if processors >= _BUSY * min(share, 1.0) and memory_mb < FULL_PROCESSOR_MB:
        return min(2 * memory_mb, FULL_PROCESSOR_MB)
    if processors > _IDLE * share:
        return None
    enough_mb = max(needed_mb, _in_steps(processors / _IDLE * FULL_PROCESSOR_MB), LEAST_MB)
    return enough_mb if enough_mb < memory_mb else None


def _in_steps(megabytes: float) -> int:
    return max(LEAST_MB, -(-int(megabytes) // _STEP_MB) * _STEP_MB)

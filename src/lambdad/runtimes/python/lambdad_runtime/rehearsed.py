"""The function of the rehearsal."""

from __future__ import annotations

from typing import Any


def echo(event: Any, context: Any) -> Any:
    """The event itself."""
    context.get_remaining_time_in_millis()
    return event

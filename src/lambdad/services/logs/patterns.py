"""Filter patterns of requests."""

from __future__ import annotations

from lambdad.model.filter_pattern import FilterPattern, InvalidFilterPattern, parse_filter_pattern
from lambdad.services.logs.names import invalid_parameter


def read_filter_pattern(text: str | None) -> FilterPattern:
    """The pattern that a request names; without one everything passes."""
    try:
        return parse_filter_pattern(text or "")
    except InvalidFilterPattern as error:
        raise invalid_parameter(str(error)) from None

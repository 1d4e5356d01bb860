"""FilterCriteria: which records of a source reach the function."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lambdad.errors import invalid_parameter
from lambdad.model.event_pattern import InvalidPatternError, parse_pattern
from lambdad.model.event_source import EventSource

MAX_FILTERS = 10  # AWS's quota is 5, and up to 10 on request


def check_filters(source: EventSource, criteria: Mapping[str, Any]) -> None:
    """Refuse filters that break the syntax, or that could never match."""
    filters = criteria.get("Filters", [])
    if len(filters) > MAX_FILTERS:
        raise invalid_parameter(f"A mapping cannot have more than {MAX_FILTERS} filters.")
    for each in filters:
        try:
            pattern = parse_pattern(each.get("Pattern", ""))
        except InvalidPatternError as error:
            raise invalid_parameter(f"Invalid filter pattern definition. {error}") from None
        _check_data(source, pattern)


def _check_data(source: EventSource, pattern: Mapping[str, Any]) -> None:
    """The data of a stream's records are JSON where they are filtered."""
    key = source.filtered_data
    if key is not None and key in pattern and not isinstance(pattern[key], dict):
        raise invalid_parameter(
            f'Invalid filter pattern definition. "{key}" must be an object for {source.called}.'
        )

"""Read a pattern of whichever kind."""

from __future__ import annotations

from lambdad.model.filter_pattern.columns import parse_columns
from lambdad.model.filter_pattern.json_pattern import parse_json_pattern
from lambdad.model.filter_pattern.pattern import FilterPattern
from lambdad.model.filter_pattern.terms import parse_terms


def parse_filter_pattern(text: str) -> FilterPattern:
    """The pattern that `text` is; an empty one lets everything through. InvalidFilterPattern if
    it breaks the syntax."""
    text = text.strip()
    if text.startswith("{"):
        return parse_json_pattern(text)
    if text.startswith("["):
        return parse_columns(text)
    return parse_terms(text)

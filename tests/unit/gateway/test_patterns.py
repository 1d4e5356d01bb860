"""Patterns written for Java, checked by Python."""

from __future__ import annotations

import pytest
from gateway_calls import SERVICES

from lambdad.gateway.models import load_service_model
from lambdad.gateway.patterns import compile_pattern


@pytest.mark.parametrize("service", SERVICES)
def test_every_pattern_of_a_served_service_compiles(service: str) -> None:
    model = load_service_model(service)
    patterns = {model.shape_for(name).metadata.get("pattern") for name in model.shape_names}
    assert [pattern for pattern in patterns if pattern and compile_pattern(pattern) is None] == []


@pytest.mark.parametrize(
    ("pattern", "value", "is_match"),
    [
        (r"([\p{L}\p{Z}\p{N}_.:/=+\-@]*)", "Größe 日本 ٣", True),
        (r"([\p{L}\p{Z}\p{N}_.:/=+\-@]*)", "smile 😀", False),
        (r"[\p{L}]+", "a_b", False),
        (r"[\w-_]*", "a-b_c", True),
        (r"\d{2}", "٣٣", False),
        (r"\w+", "é", False),
        (r".*", "a\u2028b", False),
        (r"[\s\S]*", "a\u2028b", True),
        (r"[.]*", "a", False),
        (r"[a-z]+", "abc\n", False),
        (r"(?!^[0-9]+$)([a-zA-Z0-9-_]+)", "123", False),
        (r"(?!^[0-9]+$)([a-zA-Z0-9-_]+)", "v123", True),
        (r"a[[]b", "a[b", True),
    ],
)
def test_a_pattern_means_what_it_means_in_java(pattern: str, value: str, is_match: bool) -> None:
    regex = compile_pattern(pattern)
    assert regex is not None
    assert (regex.fullmatch(value) is not None) is is_match


def test_a_pattern_that_python_cannot_compile_allows_everything() -> None:
    assert compile_pattern(r"[a-z&&[^aeiou]]++(?<bad name>x)") is None

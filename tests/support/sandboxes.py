"""Running a test on every kind of sandbox."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import pytest

NAMESPACES = pytest.param("namespaces", marks=pytest.mark.root)
PROCESS = "process"

Test = TypeVar("Test", bound=Callable[..., Any])

# For `pytestmark` of a whole file.
ON_BOTH = [
    pytest.mark.usefixtures("server"),
    pytest.mark.parametrize("server", [NAMESPACES, PROCESS], indirect=True),
]


def on_both(test: Test) -> Test:
    """The same for one test."""
    for mark in ON_BOTH:
        test = mark(test)
    return test

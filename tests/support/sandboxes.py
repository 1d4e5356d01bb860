"""Running a test on every kind of sandbox.

`namespaces` is what root has, `rootless` what an ordinary user has of the same, `process` isolates
nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import pytest

NAMESPACES = pytest.param("namespaces", marks=pytest.mark.root)
ROOTLESS = pytest.param("rootless", marks=pytest.mark.root)  # only root becomes another user
PROCESS = "process"

Test = TypeVar("Test", bound=Callable[..., Any])


def _on(*kinds: Any) -> list[pytest.MarkDecorator]:
    return [
        pytest.mark.usefixtures("server"),
        pytest.mark.parametrize("server", kinds, indirect=True),
    ]


# For `pytestmark` of a whole file.
ON_BOTH = _on(NAMESPACES, PROCESS)
ON_ISOLATED = _on(NAMESPACES, ROOTLESS)
ON_ROOTLESS = _on(ROOTLESS)


def on_both(test: Test) -> Test:
    """The same for one test."""
    return _marked(test, ON_BOTH)


def on_isolated(test: Test) -> Test:
    """Runs on the sandboxes that isolate."""
    return _marked(test, ON_ISOLATED)


def on_rootless(test: Test) -> Test:
    """Runs where an ordinary user runs the server."""
    return _marked(test, ON_ROOTLESS)


def _marked(test: Test, marks: list[pytest.MarkDecorator]) -> Test:
    for mark in marks:
        test = mark(test)
    return test

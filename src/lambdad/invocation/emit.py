"""How the data plane tells that something has happened: name of the metric, function, value."""

from __future__ import annotations

from collections.abc import Callable

from lambdad.model.resource import Key

Emit = Callable[[str, Key, float], None]


def emit_nothing(name: str, function: Key, value: float) -> None:
    """For who counts nothing."""

"""How anything tells that something has happened: name of the metric, function, value."""

from __future__ import annotations

from typing import Protocol

from lambdad.model.resource import Key


class Emit(Protocol):
    """A metric of AWS/Lambda has this value now: counts are 1 each, times milliseconds. A key
    without a name (`("", region, "")`) is a whole region's; `resource` is the version or alias."""

    def __call__(
        self, name: str, function: Key, value: float = 1.0, resource: str = "", /
    ) -> None: ...


def emit_nothing(name: str, function: Key, value: float = 1.0, resource: str = "", /) -> None:
    """For who counts nothing."""

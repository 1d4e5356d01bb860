"""POLICY: what to do so that a version has as many environments ahead as are wanted."""

from __future__ import annotations

from dataclasses import dataclass

AT_ONCE = 8  # Inits of one version at the same time


@dataclass(frozen=True, slots=True)
class Actual:
    """The environments that a version has: `ready` ones have been initialized, also when an event
    has them. While it backs off, a failure was not long ago."""

    ready: int = 0
    starting: int = 0
    is_backing_off: bool = False


@dataclass(frozen=True, slots=True)
class Actions:
    """How many to start; how many that start to give up, and how many that are ready to end."""

    start: int = 0
    give_up: int = 0
    dismiss: int = 0


def choose_provisioning(wanted: int, actual: Actual) -> Actions:
    """Those that are only starting go first; none starts too soon after a failure."""
    missing = wanted - actual.ready - actual.starting
    if missing < 0:
        give_up = min(-missing, actual.starting)
        return Actions(give_up=give_up, dismiss=-missing - give_up)
    if actual.is_backing_off:
        return Actions()
    return Actions(start=max(0, min(missing, AT_ONCE - actual.starting)))

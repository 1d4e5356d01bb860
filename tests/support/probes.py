"""Asking the zoo's probe, which looks around and attacks from inside its sandbox."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from support.functions import DeployedFunction


class Refused(Exception):
    """The probe got an error instead of what it wanted."""

    def __init__(self, errno: int | None, error: str) -> None:
        super().__init__(error)
        self.errno = errno


@dataclass(frozen=True)
class Probe:
    """A deployed probe; it stays in one environment as long as it is asked one thing at a time."""

    function: DeployedFunction

    def ask(self, probe: str, **arguments: Any) -> Any:
        """The value that a probe found; Refused when it could not."""
        found = self.function.call({"probe": probe, "arguments": arguments})
        if "error" in found:
            raise Refused(found["errno"], found["error"])
        return found["value"]

    def errno_of(self, probe: str, **arguments: Any) -> int | None:
        """The errno with which a probe was refused; AssertionError when it was not."""
        found = self.function.call({"probe": probe, "arguments": arguments})
        assert "error" in found, f"{probe}({arguments}) was possible: {found['value']!r}"
        errno = found["errno"]
        return None if errno is None else int(errno)

"""The environments that were made ahead, by version, and how they are used."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lambdad.environment.environment import ExecutionEnvironment
from lambdad.invocation.idle import IdleEnvironments
from lambdad.model.emit import Emit, emit_nothing


@dataclass(slots=True)
class Usage:
    """How many events of a version had such an environment, and how many had not."""

    invocations: int = 0
    spillovers: int = 0


class ProvisionedEnvironments:
    """They serve the events of their version before any others; what spills over is counted."""

    def __init__(self, emit: Emit = emit_nothing) -> None:
        self._emit = emit
        self.idle = IdleEnvironments()
        self._on_end: dict[ExecutionEnvironment, Callable[[ExecutionEnvironment], None]] = {}
        self._usage: dict[str, Usage] = {}  # by revision id

    def promise(self, revision_id: str) -> Usage:
        """This version shall have some: from now on its use is counted."""
        return self._usage.setdefault(revision_id, Usage())

    def withdraw(self, revision_id: str) -> None:
        """This version shall have none any more."""
        self._usage.pop(revision_id, None)

    def add(
        self, environment: ExecutionEnvironment, on_end: Callable[[ExecutionEnvironment], None]
    ) -> None:
        """It is one of them until its end, and may be put among the idle ones."""
        self._on_end[environment] = on_end

    def take(self, revision_id: str) -> ExecutionEnvironment | None:
        """An idle one of this version for an event; it is not idle any more."""
        return self.idle.take(revision_id) if revision_id in self._usage else None

    def count(self, environment: ExecutionEnvironment) -> None:
        """This environment, whether or not it is one of them, has an event."""
        usage = self._usage.get(environment.version.revision_id)
        if usage is None:
            return
        function = environment.version.function_key
        if environment in self._on_end:
            usage.invocations += 1
            self._emit("ProvisionedConcurrencyInvocations", function, 1.0)
        else:
            usage.spillovers += 1
            self._emit("ProvisionedConcurrencySpilloverInvocations", function, 1.0)

    def forget(self, environment: ExecutionEnvironment) -> None:
        """It has ended, whether or not it is one of them."""
        self.idle.remove(environment)
        on_end = self._on_end.pop(environment, None)
        if on_end is not None:
            on_end(environment)

    def __contains__(self, environment: ExecutionEnvironment) -> bool:
        return environment in self._on_end

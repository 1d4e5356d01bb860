"""The one place that keeps the sandbox contract safe, around every implementation.

`ended` is called exactly once a run; `kill` and `discard` may be called at any time; an identifier
is used by one sandbox at a time; nothing starts after `close`.
"""

from __future__ import annotations

from lambdad.launcher.contract import (
    Ended,
    Exit,
    Gauges,
    Looked,
    Order,
    Prepared,
    Sandbox,
    Sandboxes,
)


class Guarded:
    """Decorates `Sandboxes` of any kind."""

    def __init__(self, inner: Sandboxes) -> None:
        self._inner = inner
        self._running: dict[str, _GuardedSandbox] = {}
        self._closed = False
        self.name = inner.name

    def prepare(self, runtime: str, account_id: str, memory_mb: int, prepared: Prepared) -> None:
        """See the contract."""
        self.refuse_when_closed()
        self._inner.prepare(runtime, account_id, memory_mb, prepared)

    def look(self, directory: str, looked: Looked) -> None:
        """See the contract."""
        self.refuse_when_closed()
        self._inner.look(directory, looked)

    def count_waiting(self) -> int:
        """See the contract."""
        return self._inner.count_waiting()

    def start(self, order: Order, channel: int, output: int, ended: Ended) -> Sandbox:
        """See the contract."""
        self.refuse_when_closed()
        if order.environment_id in self._running:
            raise OSError(f"the environment {order.environment_id} has a sandbox already")
        guarded = _GuardedSandbox(self, order.environment_id, ended)
        self._running[order.environment_id] = guarded
        try:
            guarded.inner = self._inner.start(order, channel, output, guarded.end)
        except BaseException:
            self._running.pop(order.environment_id, None)
            guarded.is_over = True
            raise
        return guarded

    def close(self) -> None:
        """See the contract; closing again does nothing."""
        if not self._closed:
            self._closed = True
            for sandbox in list(self._running.values()):
                sandbox.discard()
            self._inner.close()

    def forget(self, environment_id: str) -> None:
        """The sandbox of this environment has been discarded."""
        self._running.pop(environment_id, None)

    def refuse_when_closed(self) -> None:
        """OSError when nothing may start any more."""
        if self._closed:
            raise OSError("the server is stopping")


class _GuardedSandbox:
    """`is_over` tells whether the run is; `is_discarded` whether the place is given back."""

    def __init__(self, owner: Guarded, environment_id: str, ended: Ended) -> None:
        self.inner: Sandbox | None = None
        self.is_over = False
        self.is_discarded = False
        self._owner = owner
        self._environment_id = environment_id
        self._ended = ended

    def gauges(self) -> Gauges:
        return Gauges() if self.is_over or self.inner is None else self.inner.gauges()

    def kill(self) -> None:
        if not self.is_over and self.inner is not None:
            self.inner.kill()

    def check_memory(self) -> int | None:
        return 0 if self.is_over or self.inner is None else self.inner.check_memory()

    def freeze(self) -> None:
        if not self.is_over and self.inner is not None:
            self.inner.freeze()

    def thaw(self) -> None:
        if not self.is_over and self.inner is not None:
            self.inner.thaw()

    def restart(self, channel: int, output: int) -> None:
        self._owner.refuse_when_closed()
        if self.inner is None or self.is_discarded or not self.is_over:
            raise OSError("only a sandbox whose processes have ended can be started again")
        self.is_over = False
        try:
            self.inner.restart(channel, output)
        except BaseException:
            self.is_over = True
            raise

    def discard(self) -> None:
        if not self.is_discarded and self.inner is not None:
            self.is_discarded = True
            if self.is_over:
                self._owner.forget(self._environment_id)
            self.inner.discard()

    def end(self, how: Exit) -> None:
        if not self.is_over:
            self.is_over = True
            if self.is_discarded:
                self._owner.forget(self._environment_id)
            self._ended(how)

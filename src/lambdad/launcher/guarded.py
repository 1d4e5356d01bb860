"""The one place that keeps the sandbox contract safe, around every implementation.

`ended` is called exactly once; `kill` may be called at any time; an identifier is used by one
sandbox at a time; nothing starts after `close`.
"""

from __future__ import annotations

from lambdad.launcher.contract import Ended, Exit, Gauges, Order, Prepared, Sandbox, Sandboxes


class Guarded:
    """Decorates `Sandboxes` of any kind."""

    def __init__(self, inner: Sandboxes) -> None:
        self._inner = inner
        self._running: dict[str, _GuardedSandbox] = {}
        self._closed = False
        self.name = inner.name

    def prepare(self, runtime: str, account_id: str, prepared: Prepared) -> None:
        """See the contract."""
        self._refuse_when_closed()
        self._inner.prepare(runtime, account_id, prepared)

    def start(self, order: Order, channel: int, output: int, ended: Ended) -> Sandbox:
        """See the contract."""
        self._refuse_when_closed()
        if order.environment_id in self._running:
            raise OSError(f"the environment {order.environment_id} has a sandbox already")
        guarded = _GuardedSandbox(self, order.environment_id, ended)
        self._running[order.environment_id] = guarded
        try:
            guarded.inner = self._inner.start(order, channel, output, guarded.end)
        except BaseException:
            self._running.pop(order.environment_id, None)
            guarded.over = True
            raise
        return guarded

    def close(self) -> None:
        """See the contract; closing again does nothing."""
        if not self._closed:
            self._closed = True
            for sandbox in list(self._running.values()):
                sandbox.kill()
            self._inner.close()

    def forget(self, environment_id: str) -> None:
        """The sandbox of this environment has ended."""
        self._running.pop(environment_id, None)

    def _refuse_when_closed(self) -> None:
        if self._closed:
            raise OSError("the server is stopping")


class _GuardedSandbox:
    def __init__(self, owner: Guarded, environment_id: str, ended: Ended) -> None:
        self.inner: Sandbox | None = None
        self.over = False
        self._owner = owner
        self._environment_id = environment_id
        self._ended = ended

    def gauges(self) -> Gauges:
        return Gauges() if self.over or self.inner is None else self.inner.gauges()

    def kill(self) -> None:
        if not self.over and self.inner is not None:
            self.inner.kill()

    def end(self, how: Exit) -> None:
        if not self.over:
            self.over = True
            self._owner.forget(self._environment_id)
            self._ended(how)

"""Keeps as many environments initialized ahead as provisioned concurrency asks for.

want ─────────────────────────┐
an Init succeeded or failed ──┼─▶ choose what to do ─▶ start some, give some up, dismiss some
an environment has ended ─────┤
the time of a failure is over ┘
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial
from itertools import islice

from lambdad.clock import Clock
from lambdad.environment.environment import ExecutionEnvironment
from lambdad.environment.lifecycle import State
from lambdad.errors import LambdadError
from lambdad.invocation.choose_provisioning import Actual, choose_provisioning
from lambdad.invocation.pool import FunctionKey, Pool
from lambdad.invocation.provisioned import Usage
from lambdad.model.concurrency import Provisioned, ProvisionedVersion
from lambdad.model.function import FunctionVersion
from lambdad.model.invocation import FunctionError

INIT_FAILED = "FUNCTION_ERROR_INIT_FAILURE"
INTERNAL_ERROR = "INTERNAL_ERROR"

# An environment that ends sooner after its Init has failed, as far as making another is concerned.
SETTLED_SECONDS = 10.0
_FIRST_DELAY = 1.0
_LONGEST_DELAY = 300.0
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Provision:
    """One version: what is wanted, what there is, and what went wrong last."""

    version: FunctionVersion
    usage: Usage
    wanted: int = 0
    starting: set[asyncio.Task[None]] = field(default_factory=set)
    ready_since: dict[ExecutionEnvironment, float] = field(default_factory=dict)
    failure: str | None = None
    failures: int = 0  # one after another
    retry: asyncio.TimerHandle | None = None

    @property
    def actual(self) -> Actual:
        return Actual(len(self.ready_since), len(self.starting), self.retry is not None)


class Provisioner:
    """Tells the pool to make environments ahead and to let them go.

    One that ends is made again at once; one whose Init fails, or that ends soon after it, after a
    while that grows with every failure.
    """

    def __init__(self, pool: Pool, clock: Clock) -> None:
        self._pool = pool
        self._clock = clock
        self._provisions: dict[str, _Provision] = {}  # by revision id
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_closed = False

    def want(self, function: FunctionKey, versions: Iterable[ProvisionedVersion]) -> None:
        """From now on these versions of the function have so many environments ahead, and no
        others have any. Failures are forgotten: it is tried again at once. A version that is not
        Active yet has to wait until this is called again."""
        active = (each for each in versions if each.version.state.value == "Active")
        wanted = {each.version.revision_id: each for each in active}
        for provision in self._of(function):
            if provision.version.revision_id not in wanted:
                self._change(provision, 0)
        for revision_id, each in wanted.items():
            provision = self._provisions.get(revision_id) or self._open(each.version)
            self._change(provision, each.wanted)

    def provisioned(self, version: FunctionVersion) -> Provisioned:
        """How far it is with this version."""
        provision = self._provisions.get(version.revision_id)
        if provision is None:
            return Provisioned()
        usage = provision.usage
        available = len(provision.ready_since)
        return Provisioned(available, provision.failure, usage.invocations, usage.spillovers)

    async def close(self) -> None:
        """Make no more, and wait until no Init is on its way; the pool ends the environments."""
        self._is_closed = True
        for provision in self._provisions.values():
            self._stop_waiting(provision)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _of(self, function: FunctionKey) -> list[_Provision]:
        provisions = self._provisions.values()
        return [each for each in provisions if each.version.function_key == function]

    def _open(self, version: FunctionVersion) -> _Provision:
        usage = self._pool.provisioned.promise(version.revision_id)
        provision = self._provisions[version.revision_id] = _Provision(version, usage)
        return provision

    def _change(self, provision: _Provision, wanted: int) -> None:
        provision.wanted = wanted
        provision.failures, provision.failure = 0, None
        self._stop_waiting(provision)
        self._reconcile(provision)
        if not wanted:
            self._pool.provisioned.withdraw(provision.version.revision_id)
            del self._provisions[provision.version.revision_id]

    def _reconcile(self, provision: _Provision) -> None:
        if self._is_closed:
            return
        actions = choose_provisioning(provision.wanted, provision.actual)
        for task in list(islice(provision.starting, actions.give_up)):
            provision.starting.remove(task)
            task.cancel()
        self._dismiss(provision, actions.dismiss)
        for _ in range(actions.start):
            self._start(provision)

    def _start(self, provision: _Provision) -> None:
        task = asyncio.create_task(self._initialize(provision))
        provision.starting.add(task)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _dismiss(self, provision: _Provision, count: int) -> None:
        """Let some go, those without an event first."""
        by_use = sorted(provision.ready_since, key=lambda each: each.state is State.INVOKING)
        for environment in by_use[:count]:
            del provision.ready_since[environment]
            self._pool.dismiss([environment])

    async def _initialize(self, provision: _Provision) -> None:
        made = await self._try(provision)
        this = asyncio.current_task()
        if this not in provision.starting:  # given up when it was nearly over
            self._pool.dismiss([made] if isinstance(made, ExecutionEnvironment) else [])
            return
        provision.starting.discard(this)
        if isinstance(made, str):
            provision.failure = made
            self._back_off(provision)
        else:
            provision.ready_since[made] = self._clock.monotonic()
            provision.failure = None
        self._reconcile(provision)

    async def _try(self, provision: _Provision) -> ExecutionEnvironment | str:
        """An environment that is ready, or AWS's word for why there is none."""
        arn = provision.version.qualified_arn
        try:
            made = await self._pool.provision(provision.version, partial(self._ended, provision))
        except LambdadError as error:
            _log.warning("%s could not be initialized ahead: %s", arn, error)
            return INTERNAL_ERROR
        except Exception:
            _log.exception("%s could not be initialized ahead.", arn)
            return INTERNAL_ERROR
        return INIT_FAILED if isinstance(made, FunctionError) else made

    def _ended(self, provision: _Provision, environment: ExecutionEnvironment) -> None:
        ready_since = provision.ready_since.pop(environment, None)
        if ready_since is None:
            return  # it was dismissed
        if self._clock.monotonic() - ready_since < SETTLED_SECONDS:
            self._back_off(provision)
        else:
            provision.failures = 0
        self._reconcile(provision)

    def _back_off(self, provision: _Provision) -> None:
        if provision.retry is not None or self._is_closed:
            return
        delay = min(_LONGEST_DELAY, _FIRST_DELAY * 2 ** min(provision.failures, 10))
        provision.failures += 1
        provision.retry = asyncio.get_running_loop().call_later(delay, self._retry, provision)

    def _retry(self, provision: _Provision) -> None:
        provision.retry = None
        self._reconcile(provision)

    def _stop_waiting(self, provision: _Provision) -> None:
        if provision.retry is not None:
            provision.retry.cancel()
            provision.retry = None

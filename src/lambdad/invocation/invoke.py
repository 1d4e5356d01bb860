"""The whole system in one sentence: with a lease; with a reserved environment; run the invocation
until its deadline; return the result."""

from __future__ import annotations

from dataclasses import replace

from lambdad.clock import Clock
from lambdad.environment.environment import EventNotTaken
from lambdad.errors import ClientError
from lambdad.invocation.lease import TOO_MANY_REQUESTS, Leases
from lambdad.invocation.pool import FunctionKey, Pool
from lambdad.invocation.provisioner import Provisioner
from lambdad.invocation.streaming import StreamedInvocation
from lambdad.model.concurrency import FunctionConcurrency, Provisioned
from lambdad.model.emit import Emit, emit_nothing
from lambdad.model.function import FunctionVersion
from lambdad.model.invocation import Invocation, Result


class Invoker:
    """Runs invocations of versions that have been resolved. `stream_rate` bounds how fast streamed
    responses go, in bytes per second after the first 6 MiB; 0 is no bound."""

    def __init__(
        self,
        leases: Leases,
        pool: Pool,
        provisioner: Provisioner,
        clock: Clock,
        emit: Emit = emit_nothing,
        stream_rate: int = 0,
    ) -> None:
        self._leases = leases
        self._pool = pool
        self._provisioner = provisioner
        self._clock = clock
        self._emit = emit
        self._stream_rate = stream_rate

    async def invoke(
        self, version: FunctionVersion, invocation: Invocation, *, is_admitted: bool = False
    ) -> Result:
        """The function's result; its failure is a result too. TooManyRequestsException without
        a lease, PlatformError when no environment could be had. An event `is_admitted`: it has
        counted in the rate of requests when it was accepted."""
        try:
            with self._leases.lease(version, counts_rate=not is_admitted) as lease:
                self._emit("ConcurrentExecutions", version.function_key, lease.concurrency)
                result = await self._run(version, invocation)
        except ClientError as error:
            if error.code == TOO_MANY_REQUESTS:
                self._emit("Throttles", version.function_key, 1.0)
            raise
        return result

    async def stream(self, version: FunctionVersion, invocation: Invocation) -> StreamedInvocation:
        """The same, as soon as there is something of the response to read."""
        streamed = StreamedInvocation(
            lambda stream: self.invoke(version, replace(invocation, stream=stream)),
            self._clock,
            self._stream_rate,
        )
        await streamed.begin()
        return streamed

    def retire(self, function: FunctionKey, version: str | None = None) -> None:
        """The function, or this version of it, has changed or is gone; see Pool.retire."""
        self._pool.retire(function, version)

    def set_concurrency(self, function: FunctionKey, concurrency: FunctionConcurrency) -> None:
        """From now on the function has this and nothing else reserved and provisioned."""
        self._leases.apply(function, concurrency)
        self._provisioner.want(function, concurrency.provisioned)

    def provisioned(self, version: FunctionVersion) -> Provisioned:
        """How many environments of a version have been initialized ahead."""
        return self._provisioner.provisioned(version)

    def digests(self) -> set[str]:
        """Of what environments have of code and layers."""
        return self._pool.digests()

    async def _run(self, version: FunctionVersion, invocation: Invocation) -> Result:
        while True:
            try:
                async with self._pool.reserve(version, invocation.tenant_id) as environment:
                    return await environment.invoke(invocation)
            except EventNotTaken:
                continue  # an idle environment had just ended; the event has run nowhere

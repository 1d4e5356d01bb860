"""The whole system in one sentence: with a lease; with a reserved environment; run the invocation
until its deadline; return the result."""

from __future__ import annotations

from lambdad.environment.environment import EventNotTaken
from lambdad.errors import ClientError
from lambdad.invocation.emit import Emit, emit_nothing
from lambdad.invocation.lease import TOO_MANY_REQUESTS, Leases
from lambdad.invocation.pool import FunctionKey, Pool
from lambdad.invocation.provisioner import Provisioner
from lambdad.model.concurrency import FunctionConcurrency, Provisioned
from lambdad.model.function import FunctionVersion
from lambdad.model.invocation import Invocation, Result


class Invoker:
    """Runs invocations of versions that have been resolved."""

    def __init__(
        self, leases: Leases, pool: Pool, provisioner: Provisioner, emit: Emit = emit_nothing
    ) -> None:
        self._leases = leases
        self._pool = pool
        self._provisioner = provisioner
        self._emit = emit

    async def invoke(
        self,
        version: FunctionVersion,
        *,
        payload: bytes,
        request_id: str,
        invoked_arn: str,
        trace_header: str,
        client_context: str | None = None,
        tenant_id: str | None = None,
        is_admitted: bool = False,
    ) -> Result:
        """The function's result; its failure is a result too. TooManyRequestsException without
        a lease, PlatformError when no environment could be had. An event `is_admitted`: it has
        counted in the rate of requests when it was accepted."""
        invocation = Invocation(
            request_id, payload, invoked_arn, trace_header, client_context, tenant_id
        )
        try:
            with self._leases.lease(version, counts_rate=not is_admitted) as lease:
                self._emit("ConcurrentExecutions", version.function_key, lease.concurrency)
                result = await self._run(version, invocation)
        except ClientError as error:
            if error.code == TOO_MANY_REQUESTS:
                self._emit("Throttles", version.function_key, 1.0)
            raise
        self._emit("Invocations", version.function_key, 1.0)
        self._emit("Duration", version.function_key, result.report.duration_ms)
        if result.error is not None:
            self._emit("Errors", version.function_key, 1.0)
        return result

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

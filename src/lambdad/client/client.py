"""Reach a neighbour service the same way, whether it is served here or elsewhere.

call ─▶ has the operator named an endpoint of it? ─▶ there (endpoint.py)
     └▶ is it served here?                        ─▶ the function that the gateway would call
     └▶ neither                                   ─▶ a ClientError that names the setting
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from lambdad.client.failures import passes
from lambdad.errors import ClientError, LambdadError, PlatformError
from lambdad.model.caller import Caller, RequestContext

if TYPE_CHECKING:
    from lambdad.client.endpoint import Endpoint

Operation = Callable[[RequestContext, dict[str, Any]], Awaitable[Mapping[str, Any]]]


class Client:
    """Calls operations of services.

    `operations` are those that are served here, by (service, operation); `endpoint_url` is this
    server's own address. `endpoints` are those of services elsewhere, which come first.
    """

    def __init__(
        self,
        operations: Mapping[tuple[str, str], Operation],
        *,
        endpoint_url: str,
        endpoints: Mapping[str, Endpoint] | None = None,
    ) -> None:
        self._operations = operations
        self._endpoint_url = endpoint_url
        self._endpoints = endpoints or {}

    async def call(
        self,
        service: str,
        operation: str,
        parameters: Mapping[str, Any],
        caller: Caller,
        *,
        trace_header: str = "",
    ) -> dict[str, Any]:
        """What the service answers, in the region of `caller`.

        A ClientError is its answer for good, in its code and message; a PlatformError (no answer,
        throttled, or a failure of the service) may pass. An endpoint elsewhere knows nothing of
        our accounts and roles: there it is the server that asks.
        """
        endpoint = self._endpoints.get(service)
        if endpoint is not None:
            return await endpoint.call(operation, parameters, caller.region, trace_header)
        run = self._operations.get((service, operation))
        if run is None:
            raise _unreachable(service, operation)
        context = RequestContext(
            str(uuid4()), service, operation, caller, self._endpoint_url, trace_header
        )
        answer = dict(await _run_here(run, context, dict(parameters)))
        answer.pop("ResponseMetadata", None)
        return answer


async def _run_here(
    run: Operation, context: RequestContext, parameters: dict[str, Any]
) -> Mapping[str, Any]:
    """The answer of an operation of ours; what fails here fails as it would elsewhere."""
    try:
        return await run(context, parameters)
    except ClientError as error:
        if passes(error.code, error.status):
            raise PlatformError(f"{_name(context)} has failed: {error}") from error
        raise
    except LambdadError:
        raise
    except Exception as error:
        raise PlatformError(f"{_name(context)} has failed: {error!r}") from error


def _name(context: RequestContext) -> str:
    return f"{context.operation} of {context.service}"


def _unreachable(service: str, operation: str) -> ClientError:
    return ClientError(
        "NotImplementedException",
        f"lambdad does not serve {operation} of {service}, and knows no endpoint that does: name "
        f"one with the setting endpoints (lambdad serve --endpoints {service}=URL).",
    )

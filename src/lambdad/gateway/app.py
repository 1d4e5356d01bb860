"""The gateway: an app between HTTP and a table of operations.

`Gateway._answer` is the table of contents: what happens to a request, in order.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from functools import partial
from typing import Any

from lambdad.errors import ClientError
from lambdad.gateway import faults
from lambdad.gateway.auth import Identify, Signature, find_caller, read_signature
from lambdad.gateway.body import BodyTooLargeError, ClientDisconnected
from lambdad.gateway.compression import check_encoding, inflate
from lambdad.gateway.function_urls import FunctionUrls
from lambdad.gateway.http import Request, Response
from lambdad.gateway.internal_routes import InternalRoute, InternalRoutes
from lambdad.gateway.models import (
    OperationPlan,
    ServicePlan,
    load_service_model,
    supported_protocols,
)
from lambdad.gateway.operator_routes import OperatorRoute, OperatorRoutes
from lambdad.gateway.request_id import make_request_id
from lambdad.gateway.routing import Router
from lambdad.gateway.web_pages import is_from_a_web_page
from lambdad.model.caller import Caller, RequestContext

Operation = Callable[[RequestContext, dict[str, Any]], Awaitable[Mapping[str, Any]]]

BODY_LIMIT = 16 * 1024 * 1024  # bytes, of operations that are not in the table of limits


class Gateway:
    """Serves `operations`, a table (service, operation) → function.

    `body_limits` bounds the bodies of operations that need another limit than `BODY_LIMIT`.
    `excepted_shapes` are (service, shape): the service checks these shapes' constraints itself.
    `identify` tells whose an access key is.
    `routes` are path prefixes of our own, answered without any AWS parsing; `operator_routes` are
    methods and paths, for who signs as AWS's clients do. `urls` are the function URLs.
    A result may have `ResponseMetadata: {HTTPHeaders: {…}}`, headers that no model knows.
    """

    def __init__(
        self,
        operations: Mapping[tuple[str, str], Operation],
        *,
        routes: Mapping[str, InternalRoute] | None = None,
        operator_routes: Mapping[str, OperatorRoute] | None = None,
        urls: FunctionUrls | None = None,
        body_limits: Mapping[tuple[str, str], int] | None = None,
        excepted_shapes: Collection[tuple[str, str]] = (),
        default_region: str = "us-east-1",
        identify: Identify | None = None,
    ) -> None:
        self._operations = dict(operations)
        self._routes = InternalRoutes(routes or {})
        self._operator_routes = OperatorRoutes(operator_routes or {})
        self._urls = urls
        self._body_limits = dict(body_limits or {})
        self._default_region = default_region
        self._identify = identify
        self._router = Router(_plans(self._operations, excepted_shapes))

    async def __call__(self, request: Request) -> Response | None:
        """The answer to one HTTP request; a caller who has hung up gets none."""
        request_id = make_request_id()
        answer = self._choose(request)
        try:
            response = await answer(request, request_id)
        except ClientDisconnected:
            return None
        response.headers["x-amzn-RequestId"] = request_id
        return response

    def _choose(self, request: Request) -> Callable[[Request, str], Awaitable[Response]]:
        """Who answers a request."""
        address = self._urls.find(request) if self._urls else None
        if self._urls and address:
            return partial(self._urls.answer, address)
        if is_from_a_web_page(request):
            return self._refuse_web_page
        if self._operator_routes.is_here(request.path):
            return self._answer_operator
        route = self._routes.find(request.path)
        return self._answer if route is None else partial(self._routes.answer, route)

    async def _answer_operator(self, request: Request, request_id: str) -> Response:
        try:
            _, caller = self._who(request)
        except ClientError as error:
            return faults.answer(error, self._router.speaker(request), request_id)
        return await self._operator_routes.answer(request, caller, request_id)

    async def _refuse_web_page(self, request: Request, request_id: str) -> Response:
        error = ClientError("AccessDeniedException", "Web pages have no access.", status=403)
        return faults.answer(error, self._router.speaker(request), request_id)

    async def _answer(self, request: Request, request_id: str) -> Response:
        service: ServicePlan | None = None
        try:
            signature, caller = self._who(request)
            if request.is_form:
                await self._read_form(request)
            service = self._router.service(request, signature)
            operation = self._router.operation(service, request)
            run, plan = self._find(service, operation)
            await self._read_body(request, service, operation)
            parameters = plan.parse(request)
            plan.validate(parameters)
            result = await run(
                _context(request, request_id, service, operation, caller), parameters
            )
            return _serialize(plan, result, request_id)
        except ClientDisconnected:
            raise
        except Exception as error:
            return faults.answer(error, service or self._router.speaker(request), request_id)

    def _who(self, request: Request) -> tuple[Signature | None, Caller]:
        signature = read_signature(request)
        # Here a signature will be verified.
        caller = find_caller(signature, request.caller, self._default_region, self._identify)
        return signature, caller

    def _find(self, service: ServicePlan, operation: str) -> tuple[Operation, OperationPlan]:
        run = self._operations.get((service.name, operation))
        if run is not None:
            return run, service.operation(operation)
        raise ClientError(
            "NotImplementedException",
            f"lambdad does not support the operation {operation} of {service.name} yet.",
            status=501,
        )

    async def _read_form(self, request: Request) -> None:
        """A form names its operation in its body, so it is read before anything is known."""
        try:
            await request.read_body(BODY_LIMIT)
            inflate(request, BODY_LIMIT)
        except BodyTooLargeError:
            raise _too_large(BODY_LIMIT, "") from None

    async def _read_body(self, request: Request, service: ServicePlan, operation: str) -> None:
        limit = self._body_limits.get((service.name, operation), BODY_LIMIT)
        try:
            check_encoding(request, service, operation)
            await request.read_body(limit)
            inflate(request, limit)
        except BodyTooLargeError:
            raise _too_large(limit, f" for the {operation} operation") from None


def _plans(
    operations: Mapping[tuple[str, str], Operation], excepted: Collection[tuple[str, str]]
) -> list[ServicePlan]:
    plans: list[ServicePlan] = []
    for name in sorted({service for service, _ in operations}):
        shapes = [shape for service, shape in excepted if service == name]
        model = load_service_model(name)
        plans += [ServicePlan(model, protocol, shapes) for protocol in supported_protocols(model)]
    return plans


def _context(
    request: Request, request_id: str, service: ServicePlan, operation: str, caller: Caller
) -> RequestContext:
    return RequestContext(
        request_id,
        service.name,
        operation,
        caller,
        request.endpoint_url,
        request.header(b"x-amzn-trace-id") or "",
    )


def _serialize(plan: OperationPlan, result: Mapping[str, Any], request_id: str) -> Response:
    response = plan.serialize(result, request_id)
    metadata = result.get("ResponseMetadata")
    if metadata is not None:
        response.headers.update(metadata.get("HTTPHeaders", {}))
    return response


def _too_large(limit: int, where: str) -> ClientError:
    message = f"Request must be smaller than {limit} bytes{where}"
    return ClientError("RequestEntityTooLargeException", message, status=413)

"""What operators look at and do beside AWS's operations: JSON or text, never for functions."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from lambdad.errors import ClientError
from lambdad.gateway.http import Request, Response
from lambdad.gateway.protocols.json_values import encode_json
from lambdad.model.caller import Caller

# (whose account and region, query) → a JSON object, or text and its content type. A ClientError is
# told as {"code", "message"}.
Text = tuple[str, str]
OperatorRoute = Callable[[Caller, Mapping[str, str]], Awaitable[Mapping[str, Any] | Text]]

log = logging.getLogger(__name__)


class OperatorRoutes:
    """Who answers which method and path, `GET /_lambdad/events` say."""

    def __init__(self, routes: Mapping[str, OperatorRoute]) -> None:
        self._routes = dict(routes)
        self._paths = frozenset(name.partition(" ")[2] for name in routes)

    def is_here(self, path: str) -> bool:
        """Whether there is something at `path`, by whatever method."""
        return path in self._paths

    async def answer(self, request: Request, caller: Caller, request_id: str) -> Response:
        """Run the route of this method and path."""
        if caller.environment_id is not None:
            return _error(403, "AccessDeniedException", "Functions have no access.")
        run = self._routes.get(f"{request.method} {request.path}")
        if run is None:
            return Response(405, {"allow": ", ".join(self._methods(request.path))})
        try:
            query = {name: values[0] for name, values in request.query.items()}
            answer = await run(caller, query)
            return _text(*answer) if isinstance(answer, tuple) else _json(200, answer)
        except ClientError as error:
            return _error(error.status or 400, error.code, error.message)
        except Exception:
            log.exception("Request %s to %s failed.", request_id, request.path)
            sentence = "An error occurred and the request cannot be processed."
            return _error(500, "ServiceException", sentence)

    def _methods(self, path: str) -> list[str]:
        return sorted(name.split()[0] for name in self._routes if name.split()[1] == path)


def _text(content: str, content_type: str) -> Response:
    return Response(200, {"content-type": content_type}, content.encode())


def _json(status: int, value: Mapping[str, Any]) -> Response:
    return Response(status, {"content-type": "application/json"}, encode_json(value))


def _error(status: int, code: str, message: str) -> Response:
    return _json(status, {"code": code, "message": message})

"""Paths of our own beside AWS's: health, download links."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping

from lambdad.gateway.http import Request, Response
from lambdad.gateway.protocols.json_values import encode_json

# (decoded path, query, headers) → (status, headers, body). Names of headers are in lower case; of
# a query field that is given twice, the first value counts.
InternalRoute = Callable[
    [str, Mapping[str, str], Mapping[str, str]], Awaitable[tuple[int, Mapping[str, str], bytes]]
]

log = logging.getLogger(__name__)


class InternalRoutes:
    """Path prefixes and who answers them; the longest prefix wins."""

    def __init__(self, routes: Mapping[str, InternalRoute]) -> None:
        self._routes = dict(sorted(routes.items(), key=lambda item: -len(item[0])))
        self._prefixes = tuple(self._routes)

    def find(self, path: str) -> InternalRoute | None:
        """Who answers `path`, or None when AWS's protocols do."""
        if not path.startswith(self._prefixes):
            return None
        return next(run for prefix, run in self._routes.items() if path.startswith(prefix))

    async def answer(self, route: InternalRoute, request: Request, request_id: str) -> Response:
        """Run `route`; it may be asked with GET and HEAD."""
        if request.method not in ("GET", "HEAD"):
            return Response(405, {"allow": "GET, HEAD"})
        try:
            query = {name: values[0] for name, values in request.query.items()}
            headers = {
                name.decode("latin-1"): value.decode("latin-1")
                for name, value in request.headers.items()
            }
            status, answer_headers, body = await route(request.path, query, headers)
            return Response(status, dict(answer_headers), body)
        except Exception:
            log.exception("Request %s to %s failed.", request_id, request.path)
            message = {"message": "An error occurred and the request cannot be processed."}
            return Response(500, {"content-type": "application/json"}, encode_json(message))

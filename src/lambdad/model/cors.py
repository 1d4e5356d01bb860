"""CORS: what a function URL tells browsers about pages of other origins.

`cors` is AWS's Cors: AllowCredentials, AllowHeaders, AllowMethods, AllowOrigins, ExposeHeaders,
MaxAge. A list with `*` allows everything. Where it is configured, the function has no say in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from lambdad.model.web_request import WebRequest, WebResponse

_ANY = "*"
_OURS = "access-control-"


def preflight_answer(cors: Mapping[str, Any], request: WebRequest) -> WebResponse | None:
    """The answer to a browser that asks whether it may; None for every other request, and where
    no CORS is configured: then it is the function's to answer."""
    headers = request.headers
    origin, method = headers.get("origin"), headers.get("access-control-request-method")
    if not cors or request.method != "OPTIONS" or origin is None or method is None:
        return None
    answer = cors_headers(cors, origin)
    if "access-control-allow-origin" in answer:
        answer.pop("access-control-expose-headers", None)
        answer |= _permissions(cors, method, headers.get("access-control-request-headers", ""))
    return WebResponse(200, (("content-type", "application/json"), *answer.items()))


def cors_headers(cors: Mapping[str, Any], origin: str | None) -> dict[str, str]:
    """The headers of an answer to a page of this origin, or to who is no page.

    An origin that is not allowed gets none but `vary`, which is for caches: for another origin the
    answer would be another one.
    """
    if not cors:
        return {}
    origins = [each.lower() for each in cors.get("AllowOrigins", ())]
    has_credentials = bool(cors.get("AllowCredentials"))
    is_same_for_all = _ANY in origins and not has_credentials
    headers = {} if is_same_for_all else {"vary": "origin"}
    if origin is None or not (_ANY in origins or origin.lower() in origins):
        return headers
    headers["access-control-allow-origin"] = _ANY if is_same_for_all else origin
    if has_credentials:
        headers["access-control-allow-credentials"] = "true"
    if cors.get("ExposeHeaders"):
        headers["access-control-expose-headers"] = ",".join(cors["ExposeHeaders"])
    return headers


def with_cors(response: WebResponse, cors: Mapping[str, Any], origin: str | None) -> WebResponse:
    """The function's response with our headers instead of its own."""
    if not cors:
        return response
    headers = cors_headers(cors, origin)
    kept = [(name, value) for name, value in response.headers if not name.startswith(_OURS)]
    varies = [value for name, value in kept if name == "vary"]
    if "vary" in headers and varies:
        kept = [(name, value) for name, value in kept if name != "vary"]
        headers["vary"] = _with_origin(",".join(varies))
    return replace(response, headers=(*kept, *headers.items()))


def _permissions(cors: Mapping[str, Any], method: str, names: str) -> dict[str, str]:
    """What may be sent. For `*` that is what was asked for: with credentials, browsers take `*`
    for a name."""
    methods, headers = cors.get("AllowMethods", ()), cors.get("AllowHeaders", ())
    answer = {}
    if methods:
        answer["access-control-allow-methods"] = method if _ANY in methods else ",".join(methods)
    allowed = names if _ANY in headers else ",".join(headers)
    if allowed:
        answer["access-control-allow-headers"] = allowed
    if "MaxAge" in cors:
        answer["access-control-max-age"] = str(cors["MaxAge"])
    return answer


def _with_origin(vary: str) -> str:
    names = [name.strip().lower() for name in vary.split(",")]
    return vary if _ANY in names or "origin" in names else f"{vary},origin"

"""Payload format 2.0, one way: the event that a function URL makes of an HTTP request."""

from __future__ import annotations

import json
import time
from base64 import b64encode
from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl

from lambdad.model.caller import Caller
from lambdad.model.web_request import OF_THE_CONNECTION, WebRequest

_NOT_IN_AN_EVENT = OF_THE_CONNECTION | {
    *("proxy-authorization", "proxy-connection"),
    "cookie",  # they are a list of their own
    "x-amzn-trace-id",
}
_TEXT_TYPES = frozenset({"application/json", "application/javascript", "application/xml"})
_TEXT_SUFFIXES = ("+json", "+xml")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), check_circular=False)


def event_of(
    request: WebRequest,
    *,
    url_id: str,
    request_id: str,
    now: float,
    trace_header: str,
    authorizer: Mapping[str, Any] | None,
) -> bytes:
    """The event of a request to the URL `url_id`.

    `authorizer` is that of `iam_authorizer`, None for a URL that anybody may call. What AWS sends
    as null or leaves out is left out.
    """
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": request.raw_path,
        "rawQueryString": request.raw_query,
    }
    cookies = [cookie.strip() for cookie in request.headers.get("cookie", "").split(";")]
    if any(cookies):
        event["cookies"] = [cookie for cookie in cookies if cookie]
    event["headers"] = headers = _event_headers(request)
    if trace_header:
        headers["x-amzn-trace-id"] = trace_header
    if authorizer:
        headers.pop("authorization", None)  # it was for us, and the function could use it
    if request.raw_query:
        event["queryStringParameters"] = _parameters(request.raw_query)
    event["requestContext"] = {
        "accountId": authorizer["iam"]["accountId"] if authorizer else "anonymous",
        "apiId": url_id,
        **({"authorizer": authorizer} if authorizer else {}),
        **_where_and_how(request),
        "requestId": request_id,
        "routeKey": "$default",
        "stage": "$default",
        "time": _time(int(now)),
        "timeEpoch": int(now * 1000),
    }
    event |= _event_body(request) if request.body else {"isBase64Encoded": False}
    # Half a surrogate pair becomes its own escape, which is JSON too.
    return _ENCODER.encode(event).encode("utf-8", "backslashreplace")


def iam_authorizer(caller: Caller, user_id: str) -> dict[str, Any]:
    """Who has signed a request, as its event tells it; `user_id` is that of GetCallerIdentity."""
    return {
        "iam": {
            "accessKey": caller.access_key_id,
            "accountId": caller.account_id,
            "callerId": user_id,
            "cognitoIdentity": None,
            "principalOrgId": None,
            "userArn": caller.arn,
            "userId": user_id,
        }
    }


def _event_headers(request: WebRequest) -> dict[str, str]:
    """What was sent, except what it says of its own way here, which we know better."""
    sent = request.headers
    headers = {name: sent[name] for name in sent if name not in _NOT_IN_AN_EVENT}
    if "transfer-encoding" in sent:
        headers["content-length"] = str(len(request.body))
    headers["x-forwarded-for"] = request.source_ip
    headers["x-forwarded-port"] = str(request.port)
    headers["x-forwarded-proto"] = request.scheme
    return headers


def _where_and_how(request: WebRequest) -> dict[str, Any]:
    return {
        "domainName": request.host,
        "domainPrefix": request.host.partition(".")[0],
        "http": {
            "method": request.method,
            "path": request.raw_path,
            "protocol": request.protocol,
            "sourceIp": request.source_ip,
            "userAgent": request.headers.get("user-agent", ""),
        },
    }


def _event_body(request: WebRequest) -> dict[str, Any]:
    text = _text(request)
    if text is None:
        return {"body": b64encode(request.body).decode(), "isBase64Encoded": True}
    return {"body": text, "isBase64Encoded": False}


def _parameters(query: str) -> dict[str, str]:
    fields: dict[str, list[str]] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        fields.setdefault(name, []).append(value)
    return {name: ",".join(values) for name, values in fields.items()}


@lru_cache(maxsize=2)
def _time(second: int) -> str:
    year, month, day, hour, minute, rest, *_ = time.gmtime(second)
    return f"{day:02d}/{_MONTHS[month - 1]}/{year:04d}:{hour:02d}:{minute:02d}:{rest:02d} +0000"


def _text(request: WebRequest) -> str | None:
    """The body as text, None when it is to be sent in Base64."""
    if "content-encoding" in request.headers:
        return None
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if not (
        media_type.startswith("text/")
        or media_type in _TEXT_TYPES
        or media_type.endswith(_TEXT_SUFFIXES)
    ):
        return None
    try:
        return request.body.decode()
    except UnicodeDecodeError:
        return None

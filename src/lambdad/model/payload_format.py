"""Payload format 2.0: what function URLs make of HTTP requests, and of what functions return.

    request ──event_of──▶ event ──▶ function ──▶ JSON ──response_of──▶ response
                                       └──▶ prelude, 8 NULs, body ──PreludeReader──▶ head, body

A function may return anything, so everything that becomes a line of HTTP is checked here.
"""

from __future__ import annotations

import json
import re
import time
from base64 import b64decode, b64encode
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NoReturn
from urllib.parse import parse_qsl

from lambdad.model.caller import Caller
from lambdad.model.web_request import WebRequest, WebResponse

LARGEST_PRELUDE = 64 * 1024  # bytes
LARGEST_HEAD = 64 * 1024  # characters of all headers and cookies of an answer
_OF_A_LINE = 4  # colon, blank and line end
DELIMITER = b"\0" * 8

# What a connection has for itself. It ends where the connection does, in both directions.
_OF_THE_CONNECTION = frozenset(
    {"connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"}
)
_NOT_IN_AN_EVENT = _OF_THE_CONNECTION | {
    *("proxy-authorization", "proxy-connection"),
    "cookie",  # they are a list of their own
    "x-amzn-trace-id",
}
_NOT_IN_AN_ANSWER = _OF_THE_CONNECTION | {"content-length", "date", "x-amzn-requestid"}

_TEXT_TYPES = frozenset({"application/json", "application/javascript", "application/xml"})
_TEXT_SUFFIXES = ("+json", "+xml")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_STATUS = re.compile(r"[2-5][0-9][0-9]", re.ASCII)


class BadResponse(Exception):
    """What a function returned cannot be an HTTP response; the sentence says why."""


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


def response_of(payload: bytes) -> WebResponse:
    """What a BUFFERED URL answers when the function has returned `payload`."""
    value = _decode(payload)
    if not isinstance(value, dict) or "statusCode" not in value:
        return WebResponse(200, (("content-type", "application/json"),), payload)
    status, headers = _head(value, "application/json")
    return WebResponse(status, headers, _body(value))


class PreludeReader:
    """Reads the beginning of a stream of `application/vnd.awslambda.http-integration-response`.

    It is fed until it has the head; then the rest of the stream is the body.
    """

    __slots__ = ("_received",)

    def __init__(self) -> None:
        self._received: bytearray | None = bytearray()

    def feed(self, chunk: bytes) -> tuple[WebResponse, bytes] | None:
        """The head, and what of the body has come with it; None as long as it is not complete."""
        received = self._received
        assert received is not None, "A stream has one prelude, and this one's has been read."
        looked_at = max(0, len(received) - len(DELIMITER) + 1)
        received += chunk
        end = received.find(DELIMITER, looked_at)
        if end > LARGEST_PRELUDE or (end < 0 and len(received) >= LARGEST_PRELUDE + len(DELIMITER)):
            raise BadResponse(f"The prelude has more than {LARGEST_PRELUDE} bytes.")
        if end < 0:
            return None
        self._received = None
        value = _decode(received[:end])
        if not isinstance(value, dict):
            raise BadResponse("The prelude is no JSON object.")
        status, headers = _head(value, "application/octet-stream")
        return WebResponse(status, headers), bytes(received[end + len(DELIMITER) :])

    def finish(self) -> None:
        """The stream has ended."""
        if self._received is not None:
            raise BadResponse("The stream ended before its prelude did.")


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


def _head(value: Mapping[str, Any], usual_type: str) -> tuple[int, tuple[tuple[str, str], ...]]:
    """Status and headers of an object that has them."""
    status = _status(value.get("statusCode", 200))
    headers: dict[str, str] = {}
    cookies: list[str] = []
    for name, text in _pairs(value.get("headers")):
        if name == "set-cookie":  # in several spellings, as some write several cookies
            cookies.append(text)
        elif name not in _NOT_IN_AN_ANSWER and not name.startswith("proxy-"):
            headers[name] = text
    headers.setdefault("content-type", usual_type)
    cookies += _cookies(value.get("cookies"))
    size = sum(len(name) + len(text) + _OF_A_LINE for name, text in headers.items())
    if size + sum(len(cookie) + _OF_A_LINE for cookie in cookies) > LARGEST_HEAD:
        raise BadResponse(f"The headers have more than {LARGEST_HEAD} characters.")
    return status, (*headers.items(), *[("set-cookie", cookie) for cookie in cookies])


def _status(value: Any) -> int:
    """A number, or a string of its digits, as examples of AWS's own have it."""
    is_one = isinstance(value, int | str) and not isinstance(value, bool)
    if not is_one or not _STATUS.fullmatch(str(value)):
        raise BadResponse("statusCode is no integer between 200 and 599.")
    return int(value)


def _pairs(headers: Any) -> list[tuple[str, str]]:
    if headers is None:
        return []
    if not isinstance(headers, dict):
        raise BadResponse("headers is no object.")
    return [(_name(name), _header_text(value)) for name, value in headers.items()]


def _name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise BadResponse("headers has a name that HTTP does not allow.")
    return name.lower()


def _header_text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    if not isinstance(value, str):
        raise BadResponse("headers has a value that is neither string, number nor boolean.")
    return _line(value)


def _cookies(cookies: Any) -> list[str]:
    if cookies is None:
        return []
    if not isinstance(cookies, list) or not all(isinstance(cookie, str) for cookie in cookies):
        raise BadResponse("cookies is no list of strings.")
    return [_line(cookie) for cookie in cookies]


def _line(text: str) -> str:
    if _CONTROL.search(text):
        raise BadResponse("A header or cookie has a control character.")
    return text.strip(" \t")


def _body(value: Mapping[str, Any]) -> bytes:
    body, is_base64 = value.get("body"), value.get("isBase64Encoded")
    if body is None:
        return b""
    if not isinstance(body, str):
        raise BadResponse("body is no string.")
    if not isinstance(is_base64, bool | None):
        raise BadResponse("isBase64Encoded is no boolean.")
    if not is_base64:
        return body.encode("utf-8", "replace")
    try:
        return b64decode(body, validate=True)
    except ValueError:
        raise BadResponse("body is not Base64, as isBase64Encoded says.") from None


def _refuse_constant(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON.")


_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)
_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), check_circular=False)


def _decode(text: bytes | bytearray) -> Any:
    try:
        return _DECODER.decode(text.decode())
    except (ValueError, RecursionError):
        raise BadResponse("The function has not returned JSON.") from None

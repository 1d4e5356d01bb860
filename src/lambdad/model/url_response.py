"""Payload format 2.0, the other way: the HTTP response that a function URL makes of what a function
returns, whole or as a stream.

    JSON ──response_of──▶ response
    prelude, 8 NULs, body ──PreludeReader──▶ head, body

A function may return anything, so everything that becomes a line of HTTP is checked here.
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Mapping
from typing import Any

from lambdad.model.strict_json import DECODER
from lambdad.model.web_request import OF_THE_CONNECTION, WebResponse

HTTP_INTEGRATION = "application/vnd.awslambda.http-integration-response"  # of such a stream
LARGEST_PRELUDE = 64 * 1024  # bytes
LARGEST_HEAD = 64 * 1024  # characters of all headers and cookies of an answer
DELIMITER = b"\0" * 8

_OF_A_LINE = 4  # colon, blank and line end
_DROPPED = OF_THE_CONNECTION - {"connection"} | {"x-amzn-requestid"}
_REMAPPED = frozenset({"connection", "content-length", "date"})  # told, but under another name
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_STATUS = re.compile(r"[2-5][0-9][0-9]", re.ASCII)


class BadResponse(Exception):
    """What a function returned cannot be an HTTP response; the sentence says why."""


def response_of(payload: bytes) -> WebResponse:
    """What a BUFFERED URL answers when the function has returned `payload`."""
    value = _decode(payload)
    if not isinstance(value, dict) or "statusCode" not in value:
        return WebResponse(200, (("content-type", "application/json"),), payload)
    status, headers = _head(value, "application/json")
    return WebResponse(status, headers, _body(value))


class PreludeReader:
    """Reads the beginning of a stream of `application/vnd.awslambda.http-integration-response`.

    It is fed until it has the head; then the rest of the stream is the body. A stream that ends
    before is no response.
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


def _head(value: Mapping[str, Any], usual_type: str) -> tuple[int, tuple[tuple[str, str], ...]]:
    """Status and headers of an object that has them."""
    status = _status(value.get("statusCode", 200))
    headers: dict[str, str] = {}
    cookies: list[str] = []
    for name, text in _pairs(value.get("headers")):
        if name == "set-cookie":  # in several spellings, as some write several cookies
            cookies.append(text)
        elif name in _REMAPPED:
            headers[f"x-amzn-remapped-{name}"] = text
        elif name not in _DROPPED and not name.startswith("proxy-"):
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


def _decode(text: bytes | bytearray) -> Any:
    try:
        return DECODER.decode(text.decode())
    except (ValueError, RecursionError):
        raise BadResponse("The function has not returned JSON.") from None

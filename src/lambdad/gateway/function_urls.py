"""Requests to function URLs: they are told from AWS's own by the name of their host, or by a path
of ours, and answered without any of AWS's protocols.

What a function answers is its own affair, a web page among it, so that a page may ask for it where
it has an origin of its own: by the name of its host. Beneath the path it would have ours, and with
it the API.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from urllib.parse import urlsplit

from lambdad.errors import ClientError
from lambdad.gateway import faults
from lambdad.gateway.auth import Identify, find_caller, read_signature
from lambdad.gateway.body import BodyTooLargeError, ClientDisconnected
from lambdad.gateway.http import MAX_FIELDS, Request, Response
from lambdad.gateway.protocols.json_values import encode_json
from lambdad.gateway.sigv4 import FindKey, verify
from lambdad.gateway.web_pages import is_from_a_web_page
from lambdad.model.caller import Caller
from lambdad.model.function_url import PATH_PREFIX, REQUEST_TOO_LONG, UrlAddress, parse_address
from lambdad.model.limits import REQUEST_PAYLOAD
from lambdad.model.web_request import WebRequest, WebResponse

# Tells who has signed a request, for a URL in this region; a ClientError when nobody has.
Who = Callable[[str], Caller]
AnswerUrl = Callable[[UrlAddress, WebRequest, Who, str], Awaitable[WebResponse]]

_SIGN = b".lambda-url."
_NOBODYS = UrlAddress("", "", "/")
_PORTS = {"http": 80, "https": 443}
_BAD_GATEWAY = 502
_REFUSED_METHODS = frozenset({"CONNECT", "TRACE"})  # they are about the way here

log = logging.getLogger(__name__)


class FunctionUrls:
    """The function URLs of a node.

    `answer` gets an address, the request, a function that tells who has signed it, and the
    request's id. `find_key` finds the secret of an access key, `identify` whose it is; `now` is the
    time by which signatures are judged. `statuses` are those of Lambda's exceptions.
    """

    def __init__(
        self,
        answer: AnswerUrl,
        *,
        find_key: FindKey,
        identify: Identify,
        now: Callable[[], float],
        statuses: Mapping[str, int],
    ) -> None:
        self._answer = answer
        self._statuses = {**faults.STATUSES, **statuses}
        self._find_key = find_key
        self._identify = identify
        self._now = now

    def find(self, request: Request) -> UrlAddress | None:
        """The URL that is meant, None when it is none; most requests are told at a glance."""
        is_named = _SIGN in request.headers.get(b"host", b"").lower()
        if not is_named and not request.raw_path.startswith(PATH_PREFIX):
            return None
        address = parse_address(_name_and_port(request)[0], request.raw_path)
        if is_named and (address is None or address.is_by_path):
            return _NOBODYS  # whoever names such a host never means the API
        return address

    async def answer(self, address: UrlAddress, request: Request, request_id: str) -> Response:
        """Answer a request; what goes wrong before a function runs is told as AWS tells it."""
        try:
            if request.method in _REFUSED_METHODS:
                raise ClientError("UnknownOperationException", "Method Not Allowed", status=405)
            if address.is_by_path and is_from_a_web_page(request):
                raise _page_beneath_our_path()
            await request.read_body(REQUEST_PAYLOAD)
            who = partial(self._who, request)
            response = await self._answer(address, _web_request(address, request), who, request_id)
        except ClientDisconnected:
            raise
        except BodyTooLargeError:
            return self._refuse(ClientError("RequestTooLargeException", REQUEST_TOO_LONG))
        except ClientError as error:
            return self._refuse(error)
        except Exception:
            log.exception("Request %s to a function URL failed.", request_id)
            return self._refuse(ClientError("ServiceException", "Internal Server Error"))
        answer = _http_response(response)
        return _without_origin(answer) if address.is_by_path else answer

    def _who(self, request: Request, region: str) -> Caller:
        """Who has signed a request. On an environment's own listener that is the environment."""
        signature = read_signature(request)
        if signature is None:
            raise ClientError("AccessDeniedException", "Forbidden")
        if request.caller is None:
            verify(request, find_key=self._find_key, region=region, now=self._now())
        return find_caller(signature, request.caller, region, self._identify)

    def _refuse(self, error: ClientError) -> Response:
        """An error as function URLs tell it."""
        status = error.status or self._statuses.get(error.code, _BAD_GATEWAY)
        headers = {"content-type": "application/json", "x-amzn-ErrorType": error.code}
        body = {"Message": error.message}
        if "Reason" in error.members:
            headers["retry-after"] = error.members.get("retryAfterSeconds", "1")
            body = {
                "Reason": error.members["Reason"],
                "Type": "User",
                "message": error.message,
            }
        return Response(status, {**headers, **error.headers}, encode_json(body))


def _name_and_port(request: Request) -> tuple[str, int | None]:
    """The host that the client has named, in lower case and without its last dot, and the port."""
    try:
        url = urlsplit(f"//{request.header(b'host') or ''}")
        return (url.hostname or "").removesuffix("."), url.port
    except ValueError:
        return "", None


def _web_request(address: UrlAddress, request: Request) -> WebRequest:
    host, port = _name_and_port(request)
    if request.query_string.count(b"&") >= MAX_FIELDS:
        raise ClientError("ValidationException", "The query has too many fields.", status=400)
    return WebRequest(
        method=request.method,
        raw_path=address.raw_path,
        raw_query=request.query_string.decode("latin-1"),
        headers={
            name.decode("latin-1"): value.decode("latin-1")
            for name, value in request.headers.items()
        },
        body=request.body,
        host=host,
        source_ip=request.client,
        protocol=request.protocol,
        scheme=request.scheme,
        port=port or _PORTS[request.scheme],
    )


def _http_response(response: WebResponse) -> Response:
    headers = dict(response.headers)
    cookies = [value for name, value in response.headers if name == "set-cookie"]
    headers.pop("set-cookie", None)
    return Response(response.status, headers, response.body, cookies, response.stream)


def _without_origin(response: Response) -> Response:
    """An answer beneath our path: a page has an origin of its own in no browser that gets it, and
    says nothing of how our address is to be reached."""
    response.headers["content-security-policy"] = "sandbox"
    response.headers.pop("strict-transport-security", None)
    return response


def _page_beneath_our_path() -> ClientError:
    return ClientError(
        "AccessDeniedException",
        "A web page has access to a function URL by the name of its host only, not beneath "
        f"{PATH_PREFIX}.",
    )

"""A function URL: an HTTP address of its own for `$LATEST` or an alias."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, ClassVar

from lambdad.arn import function_arn

BUFFERED = "BUFFERED"
RESPONSE_STREAM = "RESPONSE_STREAM"
NO_AUTH = "NONE"
REQUEST_TOO_LONG = "Request Too Long"  # the body, or the event that it becomes
PATH_PREFIX = "/_lambdad/url/"

_ID = "[a-z0-9]{32}"
_HOST = re.compile(rf"({_ID})\.lambda-url\.([a-z0-9-]+)\.(?:localhost|on\.aws)")
_PATH = re.compile(rf"{PATH_PREFIX}({_ID})(/.*)?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class FunctionUrl:
    """`url_id` is the first label of its host name: it is never changed and cannot be guessed.

    `qualifier` is an alias, or None for `$LATEST`. `cors` is AWS's Cors.
    """

    kind: ClassVar[str] = "function-url"

    account_id: str
    region: str
    function_name: str
    qualifier: str | None
    url_id: str
    auth_type: str
    created: float  # seconds since the epoch
    last_modified: float
    invoke_mode: str = BUFFERED
    cors: dict[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, str, str]:
        """Where it lives: account id, region, `function` or `function:alias`."""
        id = f"{self.function_name}:{self.qualifier}" if self.qualifier else self.function_name
        return (self.account_id, self.region, id)

    @property
    def arn(self) -> str:
        """The ARN of what it invokes."""
        return function_arn(self.account_id, self.region, self.function_name, self.qualifier)

    @property
    def host(self) -> str:
        """The name of the host that it is. A name beneath `localhost` leads to this machine
        without any entry in a name server."""
        return f"{self.url_id}.lambda-url.{self.region}.localhost"


@dataclass(frozen=True, slots=True)
class UrlAddress:
    """A request's way to a function URL: by the name of its host, which names a region, or beneath
    a path of ours, for clients to which such a host is unknown; `raw_path` is what lies behind."""

    url_id: str
    region: str | None
    raw_path: str

    @property
    def is_by_path(self) -> bool:
        """Whether it is the path that leads there, not the host."""
        return self.region is None


def parse_address(host: str, raw_path: str) -> UrlAddress | None:
    """Which URL a request means, by the name of its host and its path; None when it means none.
    Names of hosts may be written in capitals, paths may not."""
    by_host = _HOST.fullmatch(host.lower())
    if by_host:
        return UrlAddress(by_host[1], by_host[2], raw_path)
    by_path = _PATH.fullmatch(raw_path)
    return UrlAddress(by_path[1], None, by_path[2] or "/") if by_path else None

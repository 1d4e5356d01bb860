"""A function URL: the address of a function, or of one of its aliases, on the web."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from lambdad.arn import function_arn


@dataclass(frozen=True, slots=True)
class FunctionUrl:
    """`url_id` is the first label of its host name, and never changes. `qualifier` is an alias, or
    empty for the function itself. `cors` is AWS's Cors, None when none was set.
    """

    kind: ClassVar[str] = "function-url"

    account_id: str
    region: str
    function_name: str
    qualifier: str
    url_id: str
    auth_type: str  # NONE | AWS_IAM
    created: float  # seconds since the epoch
    last_modified: float
    invoke_mode: str = "BUFFERED"  # | RESPONSE_STREAM
    cors: dict[str, Any] | None = None

    @property
    def key(self) -> tuple[str, str, str]:
        """Where it lives: account id, region, `function` or `function:alias`."""
        id = f"{self.function_name}:{self.qualifier}" if self.qualifier else self.function_name
        return (self.account_id, self.region, id)

    @property
    def function_arn(self) -> str:
        """What it invokes, qualified if it is an alias."""
        return function_arn(self.account_id, self.region, self.function_name, self.qualifier)

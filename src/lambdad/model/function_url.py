"""A function URL: an HTTP address of its own for `$LATEST` or an alias."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from lambdad.arn import function_arn

BUFFERED = "BUFFERED"


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

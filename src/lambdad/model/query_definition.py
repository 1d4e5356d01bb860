"""Saved queries of CloudWatch Logs Insights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class QueryDefinition:
    """A query with a name, kept as it was given: it may name groups that do not exist.

    `parameters` are those of placeholders, each as the API has it.
    """

    kind: ClassVar[str] = "query-definition"

    account_id: str
    region: str
    id: str
    name: str
    text: str
    modified_ms: int
    log_groups: tuple[str, ...] = ()
    parameters: tuple[dict[str, str], ...] = ()

    @property
    def key(self) -> tuple[str, str, str]:
        """Where it lives: account id, region, id."""
        return (self.account_id, self.region, self.id)

"""What is to be done for a query, in terms of SQL."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

from lambdad.observe.insights.sql import Kind


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL, and the texts of the query that it refers to."""

    sql: str
    parameters: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Output:
    """A field of the results."""

    name: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class Plan:
    """`select` is what is kept of a batch of `lines`. `top`, the end of a select, is what of all
    that was `kept` so far matters (None: everything). `finish` gives the results from it, in order:
    the `outputs`.

    `columns` are those of the log's lines that are needed besides their number and time.
    """

    select: Statement
    top: str | None
    finish: Statement
    outputs: tuple[Output, ...]
    columns: tuple[str, ...]

    def document(self) -> dict[str, Any]:
        """It as JSON has it."""
        outputs = [(output.name, output.kind.value) for output in self.outputs]
        return {**asdict(self), "outputs": outputs}

    @classmethod
    def of_document(cls, document: dict[str, Any]) -> Self:
        return cls(
            select=Statement(**document["select"]),
            top=document["top"],
            finish=Statement(**document["finish"]),
            outputs=tuple(Output(name, Kind(kind)) for name, kind in document["outputs"]),
            columns=tuple(document["columns"]),
        )

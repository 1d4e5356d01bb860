"""What a query is made of: commands, and the expressions in them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lambdad.model.insights.malformed import Span


@dataclass(frozen=True, slots=True)
class Number:
    """A number that is written in the query."""

    value: float


@dataclass(frozen=True, slots=True)
class Text:
    """A text that is written in the query."""

    value: str


@dataclass(frozen=True, slots=True)
class Period:
    """A length of time: so many milliseconds, or so many calendar months."""

    milliseconds: int = 0
    months: int = 0


@dataclass(frozen=True, slots=True)
class Field:
    """A field of the log event, or what an earlier command gave that name."""

    name: str
    span: Span


@dataclass(frozen=True, slots=True)
class Star:
    """The star of `count(*)`."""


@dataclass(frozen=True, slots=True)
class Call:
    """A function with its arguments; `name` is in lower case, `source` as it is written."""

    name: str
    arguments: tuple[Expression, ...]
    source: str
    span: Span


@dataclass(frozen=True, slots=True)
class Negative:
    """Minus something."""

    operand: Expression


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """Operands of one precedence with the operators between them, from left to right."""

    first: Expression
    rest: tuple[tuple[str, Expression], ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """`=`, `!=`, `<`, `<=`, `>` or `>=`."""

    operator: str
    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class Like:
    """Whether a text has a substring, or a match of a regular expression."""

    operand: Expression
    pattern: Text | Regexp


@dataclass(frozen=True, slots=True)
class In:
    """Whether something equals one of these."""

    operand: Expression
    choices: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite."""

    operand: Expression


@dataclass(frozen=True, slots=True)
class Logic:
    """All of these (`and`), or any (`or`)."""

    operator: str
    operands: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Regexp:
    """A regular expression whose groups have lost their names: `names` has that of each group that
    captures, None for one that had none."""

    pattern: str
    names: tuple[str | None, ...] = ()


Expression = (
    Number
    | Text
    | Period
    | Field
    | Star
    | Call
    | Negative
    | Arithmetic
    | Comparison
    | Like
    | In
    | Not
    | Logic
)


@dataclass(frozen=True, slots=True)
class Named:
    """An expression, and the name of what it gives: its alias, or its own text."""

    name: str
    expression: Expression
    span: Span


@dataclass(frozen=True, slots=True)
class Fields:
    """`fields`, or `display`, which shows nothing else."""

    items: tuple[Named, ...]
    only: bool = False


@dataclass(frozen=True, slots=True)
class Filter:
    """Events for which this is true go on."""

    condition: Expression


@dataclass(frozen=True, slots=True)
class Parse:
    """New fields from the groups of a pattern; a pattern of stars is a regular expression here."""

    field: Field
    pattern: Regexp


@dataclass(frozen=True, slots=True)
class Stats:
    """Figures over all events, or over each group of them."""

    items: tuple[Named, ...]
    groups: tuple[Named, ...] = ()


@dataclass(frozen=True, slots=True)
class SortKey:
    """What to sort by."""

    expression: Expression
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Sort:
    """The order of what goes on."""

    keys: tuple[SortKey, ...]


@dataclass(frozen=True, slots=True)
class Limit:
    """At most so many go on."""

    count: int


@dataclass(frozen=True, slots=True)
class Dedup:
    """Only the first with the same values goes on."""

    fields: tuple[Field, ...]


Command = Fields | Filter | Parse | Stats | Sort | Limit | Dedup


def parts(expression: Expression) -> Iterator[Expression]:
    """The expressions that this one is directly made of."""
    match expression:
        case Call():
            yield from expression.arguments
        case Negative() | Not() | Like():
            yield expression.operand
        case Arithmetic():
            yield expression.first
            yield from (operand for _, operand in expression.rest)
        case Comparison():
            yield from (expression.left, expression.right)
        case In():
            yield from (expression.operand, *expression.choices)
        case Logic():
            yield from expression.operands

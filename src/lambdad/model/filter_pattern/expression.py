"""Conditions joined by `&&`, which binds closer, `||` and parentheses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from lambdad.model.filter_pattern.scanner import Scanner

MOST_LEVELS = 50

S_contra = TypeVar("S_contra", contravariant=True)
S = TypeVar("S")


class Condition(Protocol[S_contra]):
    """Something that holds for what a message says, or does not."""

    def holds(self, said: S_contra) -> bool:
        """Whether it does."""

    def required_terms(self) -> frozenset[str]:
        """What every message has in it for which it holds."""


@dataclass(frozen=True, slots=True)
class All(Generic[S]):
    """Each of the conditions."""

    parts: tuple[Condition[S], ...]

    def holds(self, said: S) -> bool:
        return all(part.holds(said) for part in self.parts)

    def required_terms(self) -> frozenset[str]:
        return frozenset().union(*(part.required_terms() for part in self.parts))


@dataclass(frozen=True, slots=True)
class Any(Generic[S]):
    """At least one of the conditions."""

    parts: tuple[Condition[S], ...]

    def holds(self, said: S) -> bool:
        return any(part.holds(said) for part in self.parts)

    def required_terms(self) -> frozenset[str]:
        first, *others = (part.required_terms() for part in self.parts)
        return first.intersection(*others)


def parse_expression(
    scanner: Scanner, parse_condition: Callable[[Scanner], Condition[S]], levels: int = MOST_LEVELS
) -> Condition[S]:
    """Read an expression whose smallest parts `parse_condition` reads."""
    if levels == 0:
        raise scanner.invalid()

    def parse_part() -> Condition[S]:
        if not scanner.takes("("):
            return parse_condition(scanner)
        inner = parse_expression(scanner, parse_condition, levels - 1)
        scanner.expect(")")
        return inner

    def parse_all() -> Condition[S]:
        parts = [parse_part()]
        while scanner.takes("&&"):
            parts.append(parse_part())
        return parts[0] if len(parts) == 1 else All(tuple(parts))

    parts = [parse_all()]
    while scanner.takes("||"):
        parts.append(parse_all())
    return parts[0] if len(parts) == 1 else Any(tuple(parts))

"""A book: figures by key that are gathered, kept in the journal, and settled in the database.

    add ──▶ gathered ──collect──▶ unsettled ──settle──▶ the database's tables
                          │
                          └──▶ the journal's records, which `replay` reads after a crash

Figures of one key merge in any order. `gathered` is guarded by the journal's lock, as `collect`
says; what is unsettled has a lock of its own, so that large books hold nobody up.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Generic, Protocol, Self, TypeVar

from lambdad.store.database import Connection


class Figures(Protocol):
    """What is known of one key."""

    def merge(self, other: Self) -> None:
        """Take in what another part of the book says of the same key."""

    def copy(self) -> Self:
        """The same figures, which nobody else changes."""


G = TypeVar("G")
K = TypeVar("K")
V = TypeVar("V", bound=Figures)
T = TypeVar("T")


class Book(Generic[G, K, V]):
    """One kind of figures, gathered by a key of the kind G and kept by those of the kind K that
    `expand` makes of it.

    `encode` makes JSON of what was gathered, `decode` reads it back, `write` adds what is kept to
    the tables.
    """

    def __init__(
        self,
        name: str,
        *,
        expand: Callable[[Iterable[tuple[G, V]]], Iterable[tuple[K, V]]],
        encode: Callable[[Iterable[tuple[G, V]]], Any],
        decode: Callable[[Any], Iterable[tuple[G, V]]],
        write: Callable[[Connection, Mapping[K, V]], None],
    ) -> None:
        self.name = name
        self.gathered: dict[G, V] = {}
        self._expand = expand
        self._encode = encode
        self._decode = decode
        self._write = write
        self._unsettled: dict[K, V] = {}
        self._settling: dict[K, V] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        """How many keys have something that is unsettled."""
        return len(self._unsettled)

    def collect(self) -> dict[G, V]:
        """Take what has gathered; the journal holds its lock meanwhile."""
        gathered, self.gathered = self.gathered, {}
        return gathered

    def keep(self, collected: Mapping[G, V]) -> Any:
        """What was collected is unsettled from now on; returns what the journal writes of it."""
        self._merge(self._expand(collected.items()))
        return self._encode(collected.items())

    def replay(self, written: Any) -> None:
        """What the journal holds is unsettled still."""
        self._merge(self._expand(self._decode(written)))

    def begin_settling(self) -> None:
        """Settle what is unsettled now; until `end_settling` more only gathers behind it."""
        with self._lock:
            self._settling, self._unsettled = self._unsettled, {}

    def settle(self, connection: Connection) -> None:
        """Add what is being settled to the tables."""
        if self._settling:
            self._write(connection, self._settling)

    def end_settling(self) -> None:
        """What was being settled is in the tables."""
        with self._lock:
            self._settling = {}

    def open_figures(
        self, choose: Callable[[K], bool]
    ) -> tuple[list[tuple[K, V]], list[tuple[K, V]]]:
        """Copies of what is being settled, and of what is unsettled, for the chosen keys."""
        with self._lock:
            return _chosen(self._settling, choose), _chosen(self._unsettled, choose)

    def look_at_open(
        self, choose: Callable[[K], bool], tell: Callable[[V], T]
    ) -> list[tuple[K, T]]:
        """What `tell` says of what is not settled, for the chosen keys; a key may come twice."""
        with self._lock:
            return [
                (key, tell(figures))
                for part in (self._settling, self._unsettled)
                for key, figures in part.items()
                if choose(key)
            ]

    def open_figures_of(self, key: K) -> tuple[V | None, V | None]:
        """Copies of what is being settled, and of what is unsettled, for one key."""
        with self._lock:
            settling, unsettled = self._settling.get(key), self._unsettled.get(key)
            return (
                None if settling is None else settling.copy(),
                None if unsettled is None else unsettled.copy(),
            )

    def _merge(self, entries: Iterable[tuple[K, V]]) -> None:
        with self._lock:
            for key, figures in entries:
                there = self._unsettled.get(key)
                if there is None:
                    self._unsettled[key] = figures.copy()
                else:
                    there.merge(figures)


def _chosen(entries: Mapping[K, V], choose: Callable[[K], bool]) -> list[tuple[K, V]]:
    return [(key, figures.copy()) for key, figures in entries.items() if choose(key)]

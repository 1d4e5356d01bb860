"""The ledger: what every function has used, kept with the REPORT lines that say the same."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import astuple
from typing import Any

from lambdad.model.usage import Usage, UsageKey
from lambdad.observe.book import Book
from lambdad.observe.journal import Journal
from lambdad.store.database import Connection
from lambdad.store.usage_rows import add_usage, read_usage

_Entries = list[tuple[UsageKey, Usage]]
Copied = tuple[_Entries, _Entries]


class UsageLedger:
    """Usage by function, version and day."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._book: Book[UsageKey, UsageKey, Usage] = journal.add(
            Book("usage", expand=lambda each: each, encode=_encode, decode=_decode, write=add_usage)
        )

    def record(self, key: UsageKey, used: Usage) -> None:
        """Add what was used; only while the journal's lock is held."""
        there = self._book.gathered.get(key)
        if there is None:
            self._book.gathered[key] = used
        else:
            there.merge(used)

    async def read(
        self, account_id: str, region: str, first_day: str, last_day: str
    ) -> dict[UsageKey, Usage]:
        """What was used from one day to another (2026-11-28), both included."""

        def is_asked_for(key: UsageKey) -> bool:
            return key[:2] == (account_id, region) and first_day <= key.day <= last_day

        def read(
            connection: Connection, copied: Copied, has_settled: bool
        ) -> dict[UsageKey, Usage]:
            settling, unsettled = copied
            found = read_usage(connection, account_id, region, first_day, last_day)
            if not has_settled:
                _add(found, settling)
            _add(found, unsettled)
            return found

        return await self._journal.read(lambda: self._book.open_figures(is_asked_for), read)


def _add(found: dict[UsageKey, Usage], entries: Iterable[tuple[UsageKey, Usage]]) -> None:
    for key, used in entries:
        if key in found:
            found[key].merge(used)
        else:
            found[key] = used


def _encode(entries: Iterable[tuple[UsageKey, Usage]]) -> Any:
    return [[key, astuple(used)] for key, used in entries]


def _decode(written: Any) -> Iterator[tuple[UsageKey, Usage]]:
    for key, used in written:
        yield UsageKey(*key), Usage(*used)

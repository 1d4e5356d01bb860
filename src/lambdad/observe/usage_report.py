"""What operators are told of usage: by function, with what AWS would have charged."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from importlib.resources import files
from typing import Any

from lambdad.clock import Clock, to_datetime
from lambdad.errors import SettingsError, invalid_parameter
from lambdad.model.caller import Caller
from lambdad.model.memory_advice import recommended_memory_mb
from lambdad.model.price import Charge, Prices, charges, parse_prices
from lambdad.model.usage import Usage, UsageKey
from lambdad.observe.log_store import LogStore
from lambdad.observe.usage_ledger import UsageLedger

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True, slots=True)
class UsageReport:
    """Answers the operators' route for usage."""

    ledger: UsageLedger
    logs: LogStore
    prices: Mapping[tuple[str, str], Prices]
    clock: Clock

    async def show(self, caller: Caller, query: Mapping[str, str]) -> Mapping[str, Any]:
        """Usage by function from the day `From` to the day `To` (2026-11-28, in UTC): without
        them this month until now."""
        today = f"{to_datetime(self.clock.now()):%Y-%m-%d}"
        first, last = (
            _day(query, name, usual) for name, usual in (("From", f"{today[:7]}-01"), ("To", today))
        )
        await asyncio.to_thread(self.logs.flush)  # what has just happened counts too
        entries = await self.ledger.read(caller.account_id, caller.region, first, last)
        sizes = _newest_sizes(entries)
        return {
            "From": first,
            "To": last,
            "Currency": "USD",
            "Functions": [
                _function(name, charge, *sizes[name])
                for name, charge in sorted(charges(entries, self.prices).items())
            ],
            "Entries": [_entry(key, used) for key, used in sorted(entries.items())],
        }


def read_prices(document: str) -> dict[tuple[str, str], Prices]:
    """The table of prices of a JSON document; without one, the table that comes along."""
    try:
        return parse_prices(json.loads(document or _own_table()))
    except ValueError as error:
        raise SettingsError(f"The setting prices cannot work: {error}") from error


def _own_table() -> str:
    return files("lambdad.model").joinpath("prices.json").read_text()


def _newest_sizes(entries: Mapping[UsageKey, Usage]) -> dict[str, tuple[int, Usage]]:
    """The memory that each function had on its last day (the largest, if it changed on that day),
    with what it used with so much."""
    newest: dict[str, tuple[str, int]] = {}
    for key in entries:
        newest[key.function_name] = max(
            newest.get(key.function_name, ("", 0)), (key.day, key.memory_mb)
        )
    used: dict[str, tuple[int, Usage]] = {}
    for key, figures in entries.items():
        size = newest[key.function_name][1]
        if key.memory_mb == size:
            used.setdefault(key.function_name, (size, Usage()))[1].merge(figures)
    return used


def _function(name: str, charge: Charge, memory_mb: int, used: Usage) -> dict[str, Any]:
    total = charge.usage
    return {
        "FunctionName": name,
        "Invocations": total.invocations,
        "Errors": total.errors,
        "BilledDuration": total.billed_duration_ms,
        "GBSeconds": round(charge.gb_seconds, 6),
        "Cost": round(charge.cost, 10),
        "CPUSeconds": round(total.cpu_ms / 1000, 3),
        "MemorySize": memory_mb,
        "MaxMemoryUsed": total.max_memory_used_mb,
        "RecommendedMemorySize": recommended_memory_mb(memory_mb, used),
    }


def _entry(key: UsageKey, used: Usage) -> dict[str, Any]:
    return {
        "FunctionName": key.function_name,
        "Version": key.version,
        "Day": key.day,
        "MemorySize": key.memory_mb,
        "EphemeralStorage": key.ephemeral_storage_mb,
        "Architecture": key.architecture,
        "InitializationType": key.initialization_type,
        "Invocations": used.invocations,
        "Errors": used.errors,
        "BilledDuration": used.billed_duration_ms,
        "Duration": round(used.duration_ms, 3),
        "InitDuration": round(used.init_duration_ms, 3),
        "CPUSeconds": round(used.cpu_ms / 1000, 3),
        "MaxMemoryUsed": used.max_memory_used_mb,
    }


def _day(query: Mapping[str, str], name: str, usual: str) -> str:
    day = query.get(name, usual)
    try:
        if not _DAY.fullmatch(day):
            raise ValueError(day)
        date.fromisoformat(day)
    except ValueError:
        raise invalid_parameter(f"{name} is a day such as 2026-11-28, not {day!r}.") from None
    return day

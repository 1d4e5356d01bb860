"""Periods: `30s`, `5m`, `1h`, `3mo`."""

from __future__ import annotations

from lambdad.model.insights.malformed import MalformedQuery
from lambdad.model.insights.syntax import Period
from lambdad.model.insights.tokens import Token

_SECOND, _MINUTE, _HOUR, _DAY = 1000, 60_000, 3_600_000, 86_400_000
_MILLISECONDS = {
    **dict.fromkeys(("ms", "msec", "millisecond", "milliseconds"), 1),
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), _SECOND),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), _MINUTE),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), _HOUR),
    **dict.fromkeys(("d", "day", "days"), _DAY),
    **dict.fromkeys(("w", "week", "weeks"), 7 * _DAY),
}
_MONTHS = {
    **dict.fromkeys(("mo", "mon", "month", "months"), 1),
    **dict.fromkeys(("q", "qtr", "quarter", "quarters"), 3),
    **dict.fromkeys(("y", "yr", "year", "years"), 12),
}
_MAX_DIGITS = 6


def parse_period(token: Token) -> Period:
    """The period that a word says."""
    unit = token.value.lstrip("0123456789")
    digits = token.value[: len(token.value) - len(unit)]
    unit = unit.lower()
    if len(digits) > _MAX_DIGITS or int(digits) == 0:
        raise MalformedQuery(f"{digits} is no number of a period", token.span)
    if unit in _MILLISECONDS:
        return Period(milliseconds=int(digits) * _MILLISECONDS[unit])
    if unit in _MONTHS:
        return Period(months=int(digits) * _MONTHS[unit])
    raise MalformedQuery(
        f"{unit} is no unit of time: use ms, s, m, h, d, w, mo, q or y", token.span
    )

"""Results as CloudWatch writes them: every value is a text."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from lambdad.observe.insights.pointers import Places
from lambdad.observe.insights.sql import Kind

_PRECISE = 10.0**15  # beyond it, not every whole number is one


def show(kind: Kind, value: Any, places: Places) -> str | None:
    """A value of the results; None if it is missing."""
    if value is None:
        return None
    match kind:
        case Kind.NUMBER:
            return show_number(float(value))
        case Kind.MEASURE:
            return show_measure(float(value))
        case Kind.TIME:
            return show_time(value)
        case Kind.TRUTH:
            return "1" if value else "0"
        case Kind.POINTER:
            return places.pointer(*value)
        case _:
            return str(value)


def show_number(value: float) -> str:
    """With four decimals at most."""
    if not math.isfinite(value) or abs(value) >= _PRECISE:
        return show_measure(value)
    rounded = round(value, 4)
    if rounded == 0 and value != 0:
        return show_measure(value)
    return f"{rounded:.4f}".rstrip("0").rstrip(".")


def show_measure(value: float) -> str:
    """As Java writes a double: 100.0, 1.28E8."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    if value == 0 or 1e-3 <= abs(value) < 1e7:
        return repr(value)
    sign, digits, _ = Decimal(repr(value)).normalize().as_tuple()
    fraction = "".join(map(str, digits[1:])) or "0"
    exponent = Decimal(repr(value)).adjusted()
    return f"{'-' if sign else ''}{digits[0]}.{fraction}E{exponent}"


def show_time(milliseconds: int) -> str:
    """Date and time in UTC, to the millisecond."""
    try:
        moment = datetime.fromtimestamp(milliseconds // 1000, UTC)
    except (OverflowError, ValueError, OSError):  # no year that a calendar has
        return str(milliseconds)
    return f"{moment:%Y-%m-%d %H:%M:%S}.{milliseconds % 1000:03d}"

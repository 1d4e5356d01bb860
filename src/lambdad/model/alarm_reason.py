"""Why an alarm is in its state, in CloudWatch's words and as its JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from lambdad.model.alarm_evidence import Datapoint, Evidence

INITIAL_REASON = "Unchecked: Initial alarm creation"

_SHOWN = 5  # datapoints in a sentence
_TOLD = 25  # datapoints in the JSON, whose length is limited
_COMPARISONS: Mapping[str, str] = MappingProxyType(
    {
        "GreaterThanOrEqualToThreshold": "greater than or equal to",
        "GreaterThanThreshold": "greater than",
        "LessThanOrEqualToThreshold": "less than or equal to",
        "LessThanThreshold": "less than",
    }
)
_TREATED: Mapping[str, str] = MappingProxyType(
    {"breaching": "Breaching", "notBreaching": "NonBreaching"}
)


def alarm_reason(evidence: Evidence) -> str:
    """Why it is in ALARM."""
    watch, crossed = evidence.watch, evidence.breaching
    if len(crossed) < watch.needed and watch.treat_missing_data in _TREATED:
        return _with_missing(evidence, crossed, "")
    return _threshold_crossed(evidence, crossed, "", watch.needed, "OK -> ALARM")


def ok_reason(evidence: Evidence) -> str:
    """Why it is OK."""
    watch, kept = evidence.watch, evidence.not_breaching
    if len(kept) < watch.needed_for_ok and watch.treat_missing_data in _TREATED:
        return _with_missing(evidence, kept, "not ")
    return _threshold_crossed(evidence, kept, "not ", watch.needed_for_ok, "ALARM -> OK")


def insufficient_data_reason(evidence: Evidence) -> str:
    """Why it has INSUFFICIENT_DATA."""
    return f"Insufficient Data: {_counted(evidence.missing)} unknown."


def reason_data(evidence: Evidence, now: float) -> str:
    """The same as JSON; `now` is when the datapoints were asked for, in epoch seconds."""
    watch, latest = evidence.watch, evidence.datapoints[:_TOLD]
    data: dict[str, Any] = {"version": "1.0", "queryDate": _date(now)}
    if evidence.datapoints:
        data["startDate"] = _date(evidence.datapoints[-1].time)
    if watch.unit is not None:
        data["unit"] = watch.unit
    if watch.statistic is not None:
        data["statistic"] = watch.statistic
    data["period"] = watch.period
    data["recentDatapoints"] = [each.value for each in reversed(latest)]
    data["threshold"] = watch.threshold
    data["evaluatedDatapoints"] = _evaluated(evidence)
    return json.dumps(data, separators=(",", ":"))


def _threshold_crossed(
    evidence: Evidence, datapoints: Sequence[Datapoint], negation: str, minimum: int, change: str
) -> str:
    count = len(datapoints)
    verb = f"{_were(count)} {negation}{_than_the_threshold(evidence)}"
    lead = f"Threshold Crossed: {count} out of the last {evidence.watch.evaluation_periods}"
    noun = "datapoint" if minimum == 1 else "datapoints"
    end = f"(minimum {minimum} {noun} for {change} transition)."
    if count <= _SHOWN:
        return f"{lead} datapoints {_listed(datapoints)} {verb} {end}"
    which = "did not cross" if negation else "crossed"
    most_recent = f"The most recent datapoints which {which} the threshold"
    return f"{lead} datapoints {verb}. {most_recent}: {_listed(datapoints[:_SHOWN])} {end}"


def _with_missing(evidence: Evidence, datapoints: Sequence[Datapoint], negation: str) -> str:
    missing = evidence.missing
    treatment = _TREATED[evidence.watch.treat_missing_data]
    noun = "datapoint" if missing == 1 else "datapoints"
    treated = f"{missing} missing {noun} {_were(missing)} treated as [{treatment}]."
    if not datapoints:
        periods = "period" if missing == 1 else "periods"
        lead = f"no datapoints were received for {missing} {periods}"
    else:
        shown = _listed(datapoints[:_SHOWN])
        count = len(datapoints)
        noun = "datapoint" if count == 1 else "datapoints"
        lead = f"{count} {noun} {shown} {_were(count)} {negation}{_than_the_threshold(evidence)}"
    return f"Threshold Crossed: {lead} and {treated}"


def _than_the_threshold(evidence: Evidence) -> str:
    comparison = _COMPARISONS[evidence.watch.comparison_operator]
    return f"{comparison} the threshold ({java_double(evidence.watch.threshold)})"


def _listed(datapoints: Sequence[Datapoint]) -> str:
    shown = (
        f"{java_double(each.value)} ({datetime.fromtimestamp(each.time, UTC):%d/%m/%y %H:%M:%S})"
        for each in datapoints
    )
    return f"[{', '.join(shown)}]"


def _were(count: int) -> str:
    return "was" if count == 1 else "were"


def _counted(count: int) -> str:
    return f"{count} {'datapoint' if count == 1 else 'datapoints'} {_were(count)}"


def _evaluated(evidence: Evidence) -> list[dict[str, Any]]:
    """Missing ones have a time and nothing else."""
    told: dict[int, dict[str, Any]] = {time: {} for time in evidence.missing_times()}
    for each in evidence.datapoints:
        told[each.time] = {"value": each.value}
        if each.sample_count is not None:
            told[each.time] = {"sampleCount": each.sample_count, "value": each.value}
    latest = sorted(told, reverse=True)[:_TOLD]
    return [{"timestamp": _date(time), **told[time]} for time in latest]


def _date(seconds: float) -> str:
    moment = datetime.fromtimestamp(seconds, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}+0000"


def java_double(value: float) -> str:
    """A number as Java prints it: `1.0`, `1.0E7`, `1.0E-4`."""
    if value == 0 or 1e-3 <= abs(value) < 1e7:
        return repr(float(value))
    sign, digits, exponent = Decimal(repr(float(value))).normalize().as_tuple()
    assert isinstance(exponent, int)  # an alarm compares finite numbers
    first, *rest = map(str, digits)
    fraction = "".join(rest) or "0"
    return f"{'-' * sign}{first}.{fraction}E{exponent + len(digits) - 1}"

"""Which requests SDKs are to trace: AWS's default rule, and no other."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from lambdad.clock import to_datetime
from lambdad.model.caller import RequestContext
from lambdad.model.sampling import SHARE
from lambdad.services.xray.xray import XRay

_DEFAULT = "Default"
_PER_SECOND = 1
_VALID_SECONDS = 300
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


async def get_sampling_rules(
    xray: XRay, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """The default rule: the first request of every second, and 5 % of the others."""
    caller = context.caller
    rule = {
        "RuleName": _DEFAULT,
        "RuleARN": f"arn:aws:xray:{caller.region}:{caller.account_id}:sampling-rule/{_DEFAULT}",
        "Priority": 10_000,
        "FixedRate": SHARE,
        "ReservoirSize": _PER_SECOND,
        **dict.fromkeys(("ResourceARN", "ServiceName", "ServiceType", "Host"), "*"),
        **dict.fromkeys(("HTTPMethod", "URLPath"), "*"),
        "Version": 1,
        "Attributes": {},
    }
    record = {"SamplingRule": rule, "CreatedAt": _BEGINNING, "ModifiedAt": _BEGINNING}
    return {"SamplingRuleRecords": [record]}


async def get_sampling_targets(
    xray: XRay, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """What the default rule allows a client; other rules are not there."""
    names = [each["RuleName"] for each in request["SamplingStatisticsDocuments"]]
    target = {
        "RuleName": _DEFAULT,
        "FixedRate": SHARE,
        "ReservoirQuota": _PER_SECOND,
        "ReservoirQuotaTTL": to_datetime(int(xray.clock.now()) + _VALID_SECONDS),
        "Interval": 10,
    }
    return {
        "SamplingTargetDocuments": [target for name in names if name == _DEFAULT],
        "LastRuleModification": _BEGINNING,
        "UnprocessedStatistics": [
            {"RuleName": name, "ErrorCode": "404", "Message": "There is no such rule."}
            for name in names
            if name != _DEFAULT
        ],
    }


OPERATIONS = {
    "GetSamplingRules": get_sampling_rules,
    "GetSamplingTargets": get_sampling_targets,
}

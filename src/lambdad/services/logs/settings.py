"""What is set for log groups: finding it, and changing it."""

from __future__ import annotations

from lambdad.model.caller import Caller
from lambdad.model.log_group_settings import LogGroupSettings
from lambdad.model.metric_filter import MetricFilter
from lambdad.model.resource import Resource
from lambdad.model.subscription_filter import SubscriptionFilter
from lambdad.services.logs.logs import Logs


def settings_of(logs: Logs, caller: Caller, group: str) -> LogGroupSettings:
    """The settings of a group; most groups have only those that every group begins with."""
    key = (caller.account_id, caller.region, group)
    return logs.resources.find(LogGroupSettings, *key) or LogGroupSettings(*key)


def metric_filters_of(logs: Logs, caller: Caller, group: str) -> list[MetricFilter]:
    """A group's metric filters by name."""
    place = (caller.account_id, caller.region)
    return list(logs.resources.list(MetricFilter, *place, prefix=f"{group}:"))


def subscriptions_of(logs: Logs, caller: Caller, group: str) -> list[SubscriptionFilter]:
    """A group's subscription filters by name."""
    place = (caller.account_id, caller.region)
    return list(logs.resources.list(SubscriptionFilter, *place, prefix=f"{group}:"))


def everything_set(logs: Logs, caller: Caller, group: str) -> list[Resource]:
    """All that goes when the group goes."""
    settings = logs.resources.find(LogGroupSettings, caller.account_id, caller.region, group)
    return [
        *([] if settings is None else [settings]),
        *metric_filters_of(logs, caller, group),
        *subscriptions_of(logs, caller, group),
    ]

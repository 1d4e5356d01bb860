"""Rules of composite alarms, in terms of the alarms that there are."""

from __future__ import annotations

from collections.abc import Iterable

from lambdad.model.alarm_document import Alarm
from lambdad.model.alarm_rule import AlarmRule, InvalidRuleError, parse_rule
from lambdad.model.caller import Caller
from lambdad.services.cloudwatch.cloudwatch import CloudWatch
from lambdad.services.cloudwatch.errors import validation_error


def rule_of(alarm: Alarm) -> AlarmRule:
    """The rule of a composite alarm."""
    return parse_rule(alarm.settings["AlarmRule"])


def children_of(alarm: Alarm) -> set[str]:
    """The names of the alarms that a composite alarm depends on; none for a metric alarm."""
    if not alarm.is_composite:
        return set()
    return {name_of(each) for each in rule_of(alarm).references()}


def parents_of(alarms: Iterable[Alarm], name: str) -> set[str]:
    """The names of the composite alarms that depend on an alarm."""
    return {alarm.name for alarm in alarms if name in children_of(alarm)}


def name_of(reference: str) -> str:
    """The name of an alarm that a rule names by its name or by its ARN."""
    return reference.split(":alarm:", 1)[1] if reference.startswith("arn:") else reference


def check_rule(cloudwatch: CloudWatch, caller: Caller, name: str, text: str) -> None:
    """Refuse a rule that cannot be read, names an alarm that is not there, or depends on itself."""
    try:
        rule = parse_rule(text)
    except InvalidRuleError as error:
        raise validation_error(str(error)) from None
    children = {name_of(each) for each in rule.references()}
    for child in sorted(children):
        if child != name and _find(cloudwatch, caller, child) is None:
            raise validation_error(
                f"AlarmRule must not refer to alarms that do not exist: {child} is none."
            )
    if name in _all_beneath(cloudwatch, caller, children):
        raise validation_error(f"AlarmRule must not depend on its own alarm {name}.")


def _all_beneath(cloudwatch: CloudWatch, caller: Caller, names: set[str]) -> set[str]:
    """These alarms, and all that they depend on."""
    found: set[str] = set()
    waiting = set(names)
    while waiting:
        name = waiting.pop()
        found.add(name)
        alarm = _find(cloudwatch, caller, name)
        if alarm is not None:
            waiting |= children_of(alarm) - found
    return found


def _find(cloudwatch: CloudWatch, caller: Caller, name: str) -> Alarm | None:
    return cloudwatch.resources.find(Alarm, caller.account_id, caller.region, name)

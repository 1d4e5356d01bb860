"""The strongest sandbox that a machine can give, and what it does without."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lambdad.launcher.findings.capacity import capacity
from lambdad.launcher.findings.control_groups import absent, control_groups
from lambdad.launcher.findings.egress import egress
from lambdad.launcher.findings.finding import Finding, State
from lambdad.launcher.findings.isolation import isolation
from lambdad.launcher.probes.machine import ControlGroups, Machine

_INSTEAD = {
    "memory": "memory is limited by RLIMIT_DATA and by polling, which catches late",
    "cpu": "the share of the CPU is not enforced",
    "pids": "processes are not limited by cgroups",
}
_WITHOUT_FREEZE = "idle environments are frozen by SIGSTOP"


@dataclass(frozen=True, slots=True)
class Strength:
    """`sandbox` is the setting's value; `how` it is made; `weaknesses` are sentences."""

    sandbox: str
    is_isolating: bool
    how: str
    command: str
    weaknesses: tuple[str, ...] = ()


def diagnose(machine: Machine) -> tuple[list[Finding], Strength]:
    """Every finding, and what follows from them."""
    decisive = [*isolation(machine), *control_groups(machine)]
    return [*decisive, *egress(machine), *capacity(machine)], _strongest(machine, decisive)


def _strongest(machine: Machine, decisive: Sequence[Finding]) -> Strength:
    if any(finding.state is State.MISSING for finding in decisive):
        return Strength(
            "process",
            is_isolating=False,
            how="ordinary processes, without isolation",
            command="lambdad serve --sandbox process",
        )
    if machine.user.is_root:
        return Strength("namespaces", True, "made by root", "lambdad serve")
    return Strength(
        "namespaces",
        True,
        "in a user namespace, without root",
        "lambdad serve",
        _weaknesses(machine.control_groups),
    )


def _weaknesses(groups: ControlGroups) -> tuple[str, ...]:
    """What stands in for the control groups that a user does not have."""
    sentences = [_INSTEAD[name] for name in absent(groups)]
    if groups.delegated is None or groups.is_of_another_namespace:
        sentences.append(_WITHOUT_FREEZE)
    return tuple(sentences)

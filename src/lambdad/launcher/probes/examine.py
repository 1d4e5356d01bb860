"""Ask everything, once."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from lambdad.launcher.interpreters import Interpreter, version_of
from lambdad.launcher.present import find_present
from lambdad.launcher.probes.control_groups import probe_control_groups, probe_systemd
from lambdad.launcher.probes.egress import probe_egress
from lambdad.launcher.probes.kernel import probe_kernel
from lambdad.launcher.probes.machine import Machine
from lambdad.launcher.probes.reading import read_field
from lambdad.launcher.probes.resources import probe_resources
from lambdad.launcher.probes.users import probe_user, probe_user_namespaces


def examine() -> Machine:
    """The facts of this machine, as the user of this process sees them."""
    user = probe_user()
    present = find_present()
    return Machine(
        user=user,
        kernel=probe_kernel(user),
        resources=probe_resources(),
        user_namespaces=probe_user_namespaces(user),
        control_groups=probe_control_groups(),
        systemd=probe_systemd(user),
        egress=probe_egress(),
        interpreters=_in_order(present.pythons),
        languages=_in_order(present.others()),
        distribution=_distribution(),
        container=_container(),
    )


def _in_order(found: Mapping[str, Interpreter]) -> tuple[Interpreter, ...]:
    """The oldest first."""
    return tuple(sorted(found.values(), key=version_of))


def _distribution(root: Path = Path("/")) -> tuple[str, ...]:
    release = root / "etc/os-release"
    return tuple(f"{read_field(release, 'ID')} {read_field(release, 'ID_LIKE')}".split())


def _container(root: Path = Path("/")) -> str:
    """Which of the two programs that leave a mark runs this container, if any."""
    if (root / ".dockerenv").exists():
        return "docker"
    if (root / "run/.containerenv").exists():
        return "podman"
    return ""

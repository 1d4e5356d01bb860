"""Commands that an operator can paste, as this user has to type them on this distribution."""

from __future__ import annotations

from collections.abc import Mapping

from lambdad.launcher.probes.machine import Machine, Systemd

# As a shell of the user finds it: sudo has a PATH of its own, without virtual environments.
SERVE_AS_ROOT = 'sudo "$(command -v lambdad)" serve'

_DEBIAN = "apt-get install"
_FEDORA = "dnf install"
_SUSE = "zypper install"
_ALPINE = "apk add"
_ARCH = "pacman -S"
_INSTALLERS = {
    "debian": _DEBIAN,
    "ubuntu": _DEBIAN,
    "fedora": _FEDORA,
    "rhel": _FEDORA,
    "suse": _SUSE,
    "opensuse": _SUSE,
    "alpine": _ALPINE,
    "arch": _ARCH,
}
_ID_MAPPING = {
    _DEBIAN: "uidmap",
    _FEDORA: "shadow-utils",
    _SUSE: "shadow",
    _ALPINE: "shadow-uidmap",
    _ARCH: "shadow",
}
_PYTHON = {
    _DEBIAN: "python3",
    _FEDORA: "python3",
    _SUSE: "python3",
    _ALPINE: "python3",
    _ARCH: "python",
}


def as_root(machine: Machine, command: str) -> str:
    """With sudo, unless that is who asks."""
    return command if machine.user.is_root else f"sudo {command}"


def set_sysctl(machine: Machine, name: str, value: int) -> str:
    """Change a kernel setting until the next boot."""
    return as_root(machine, f"sysctl -w {name}={value}")


def install_id_mapping(machine: Machine) -> str:
    """Install newuidmap and newgidmap; empty on a distribution that is not known here."""
    return _install(machine, _ID_MAPPING)


def install_python(machine: Machine) -> str:
    """Install the distribution's Python; empty on a distribution that is not known here."""
    return _install(machine, _PYTHON)


def install(machine: Machine, *packages: str) -> str:
    """Install packages that have the same name everywhere; empty on a distribution that is not
    known here."""
    return _install(machine, dict.fromkeys(_INSTALLERS.values(), " ".join(packages)))


def _install(machine: Machine, packages: Mapping[str, str]) -> str:
    for name in machine.distribution:
        if name in _INSTALLERS:
            installer = _INSTALLERS[name]
            return as_root(machine, f"{installer} {packages[installer]}")
    return ""


def grant_ids(machine: Machine, count: int) -> str:
    """Give this user a range of subordinate ids that nobody has."""
    line = f"{machine.user.name}:{machine.user_namespaces.free_range}:{count}"
    return f"echo {line} | {as_root(machine, 'tee -a /etc/subuid /etc/subgid')}"


def serve_in_scope(systemd: Systemd, uid: int) -> str:
    """Start the server in a group that systemd delegates to it."""
    directory = "" if systemd.knows_user_manager else f"XDG_RUNTIME_DIR=/run/user/{uid} "
    return f"{directory}systemd-run --user --scope -p Delegate=yes lambdad serve"


def delegate(unit: str, controllers: str) -> str:
    """Let systemd delegate to a unit of the system, from its next start on."""
    directory = f"/etc/systemd/system/{unit}.d"
    setting = f"printf '[Service]\\nDelegate={controllers}\\n'"
    return (
        f"sudo mkdir -p {directory} && {setting} | sudo tee {directory}/lambdad.conf && "
        "sudo systemctl daemon-reload"
    )


def use_version2_only(machine: Machine) -> str:
    """Boot with cgroup version 2 alone; empty where the boot loader is not known here."""
    argument = "systemd.unified_cgroup_hierarchy=1"
    names = set(machine.distribution)
    if "fedora" in names or "rhel" in names:
        return as_root(machine, f"grubby --update-kernel=ALL --args={argument}")
    if names & {"debian", "ubuntu"}:
        edit = as_root(
            machine, f"sed -i 's/^GRUB_CMDLINE_LINUX=\"/&{argument} /' /etc/default/grub"
        )
        return f"{edit} && {as_root(machine, 'update-grub')}"
    return ""


def run_privileged(machine: Machine) -> str:
    """Start this container with root's rights; empty where it is none that is known."""
    if not machine.container:
        return ""
    return f"{machine.container} run --privileged --cgroupns=private IMAGE"

"""Egress: how far functions reach beyond their sandboxes.

    none      nowhere; there is no interface but loopback
    internet  public addresses, and the private ones that the operator lists
    host      the networks of this machine too, as a process of it would, and its loopback

The operator's setting is the most that there is; a function may ask for less.
"""

from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path

from lambdad.config import Config
from lambdad.errors import SettingsError
from lambdad.launcher import mounts, syscalls
from lambdad.launcher.egress_programs import PACKAGES, find_program
from lambdad.launcher.loop import Loop
from lambdad.launcher.router import Router
from lambdad.launcher.uplink import RESOLVER

LEVELS = ("none", "internet", "host")
_READ_ONLY = syscalls.MOUNT_ATTR_RDONLY | syscalls.MOUNT_ATTR_NOSUID | syscalls.MOUNT_ATTR_NODEV


class Egress:
    """Connects sandboxes, as far as they ask and `most` allows."""

    def __init__(self, router: Router, most: str, resolver_file: Path) -> None:
        self._router = router
        self._most = LEVELS.index(most)
        self._resolver_file = resolver_file
        resolver_file.write_text(f"nameserver {RESOLVER}\n")
        resolver_file.chmod(0o644)

    def open_files(self, asked: str, opened: ExitStack) -> dict[str, int]:
        """Detached mounts, by where they are to be in a sandbox."""
        if self._level(asked) == "none":
            return {}
        file = os.open(self._resolver_file, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            tree = syscalls.clone_mount(file, _READ_ONLY)
        finally:
            os.close(file)
        opened.callback(os.close, tree)
        return {mounts.RESOLVER: tree}

    def connect(self, asked: str, uid: int, network: int) -> None:
        """Give the sandbox of this user, whose network namespace that is, its way out."""
        level = self._level(asked)
        if level != "none":
            self._router.connect(network, uid, level)

    def close(self) -> None:
        """End it for all."""
        self._router.close()

    def _level(self, asked: str) -> str:
        """The one that is asked for, if there is so much; without a word, all that there is."""
        if not asked:
            return LEVELS[self._most]
        wanted = LEVELS.index(asked) if asked in LEVELS else 0
        return LEVELS[min(wanted, self._most)]


def open_egress(config: Config, loop: Loop, front_door: int, data: Path) -> Egress | None:
    """What the settings ask for; None for none."""
    most = config.egress
    if most == "none":
        return None
    programs = {name: _find(name) for name in PACKAGES}
    try:
        router = Router(
            loop,
            programs,
            allowed=config.egress_allow,
            front_door=front_door,
            reaches_host=most == "host",
        )
    except OSError as error:
        raise SettingsError(
            f"egress: functions cannot have the network on this machine: {error}. Without it "
            "they can be run with --egress none"
        ) from None
    return Egress(router, most, data / "resolv.conf")


def _find(program: str) -> str:
    found = find_program(program)
    if found is None:
        raise SettingsError(
            f"egress: {program} is not installed; on Debian and Ubuntu: "
            f"apt-get install {PACKAGES[program]}"
        )
    return found

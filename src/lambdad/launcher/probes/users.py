"""The user who asks, and the ids that this user may give away."""

from __future__ import annotations

import os
import pwd
import shutil
from collections.abc import Iterator
from pathlib import Path

from lambdad.launcher.probes import attempts
from lambdad.launcher.probes.machine import User, UserNamespaces
from lambdad.launcher.probes.reading import read_field, read_number, read_text
from lambdad.launcher.slots import OF_ROOT

_CAP_SYS_ADMIN = 21
_TOOLS = ("newuidmap", "newgidmap")
_FIRST_SUBORDINATE = 100_000  # as useradd counts
_FILTERED = "2"

Range = tuple[int, int]  # the first id, and how many


def probe_user(root: Path = Path("/")) -> User:
    """The effective user of this process."""
    status = root / "proc/self/status"
    capabilities = int(read_field(status, "CapEff") or "0", 16)
    return User(
        name=_name(os.geteuid()),
        uid=os.geteuid(),
        can_administer=bool(capabilities >> _CAP_SYS_ADMIN & 1),
        has_environment_ids=maps_id(read_text(root / "proc/self/uid_map"), OF_ROOT.node),
    )


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)  # in a container a user need not have a name


def maps_id(uid_map: str, uid: int) -> bool:
    """Does `uid` exist in a user namespace with this map?"""
    for line in uid_map.splitlines():
        inside, _, count = (int(number) for number in line.split())
        if inside <= uid < inside + count:
            return True
    return not uid_map  # a system without user namespaces


def probe_user_namespaces(user: User, root: Path = Path("/")) -> UserNamespaces:
    """What is set, installed and granted; the mapping is tried where there is all of it."""
    uid_text, gid_text = (read_text(root / "etc" / name) for name in ("subuid", "subgid"))
    uids, gids = largest_range(uid_text, user), largest_range(gid_text, user)
    tools = tuple(tool for tool in _TOOLS if shutil.which(tool))
    sysctl = root / "proc/sys"
    return UserNamespaces(
        unprivileged_clone=read_number(sysctl / "kernel/unprivileged_userns_clone"),
        most=read_number(sysctl / "user/max_user_namespaces"),
        apparmor_restricts=read_number(sysctl / "kernel/apparmor_restrict_unprivileged_userns"),
        is_filtered=read_field(root / "proc/self/status", "Seccomp") == _FILTERED,
        tools=tools,
        subordinate_uids=uids[1],
        subordinate_gids=gids[1],
        free_range=free_range(uid_text, gid_text),
        mapping_error=_try_mapping(user, tools, uids, gids),
    )


def _try_mapping(user: User, tools: tuple[str, ...], uids: Range, gids: Range) -> str | None:
    if user.is_root or tools != _TOOLS or not (uids[1] and gids[1]):
        return None
    return attempts.attempt(lambda: attempts.map_ids(uids, gids))


def largest_range(text: str, user: User) -> Range:
    """The largest range that /etc/subuid or /etc/subgid grants to `user`; (0, 0) for none."""
    granted = [(count, first) for owner, first, count in _ranges(text) if owner in _owners(user)]
    count, first = max(granted, default=(0, 0))
    return first, count


def _owners(user: User) -> tuple[str, str]:
    return user.name, str(user.uid)


def free_range(*texts: str) -> int:
    """The first id after all that are granted to anybody."""
    ends = [first + count for text in texts for _, first, count in _ranges(text)]
    return max([_FIRST_SUBORDINATE, *ends])


def _ranges(text: str) -> Iterator[tuple[str, int, int]]:
    for line in text.splitlines():
        owner, *numbers = line.split("#")[0].strip().split(":")
        if len(numbers) == 2 and all(number.isdecimal() for number in numbers):
            yield owner, int(numbers[0]), int(numbers[1])

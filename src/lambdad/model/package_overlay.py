"""Packages laid over each other in one tree, as the layers of a function are at /opt.

Later packages overwrite earlier ones: a file or link takes the place of whatever was there, and a
directory takes the place of a file or link, but joins a directory. Nothing is ever written over on
a disk: what a package hides is not unpacked at all.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from lambdad.errors import ClientError
from lambdad.model.deployment_package import (
    CANNOT_UNZIP,
    MAX_ENTRIES,
    Entry,
    Kind,
    read_package,
    refuse_escapes,
)


@dataclass(frozen=True, slots=True)
class Member:
    """A file or link of the tree, and the package that it comes from."""

    archive: zipfile.ZipFile
    entry: Entry


# A directory by name: files, links, and directories.
_Directory = dict[str, "_Directory | Member"]


@dataclass(frozen=True, slots=True)
class Overlay:
    """What is to be unpacked: `directories`, each after its parent, then `members`."""

    directories: tuple[str, ...]
    members: tuple[Member, ...]


def lay_over(archives: Iterable[zipfile.ZipFile]) -> Overlay:
    """The tree of these packages; each is checked, and so is what they come to together."""
    root: _Directory = {}
    count = 0
    for archive in archives:
        entries = read_package(archive)
        count += len(entries)
        if count > MAX_ENTRIES:
            raise ClientError(
                "InvalidParameterValueException",
                f"{CANNOT_UNZIP} Together the packages have more than {MAX_ENTRIES} entries.",
            )
        for entry in entries:
            _put(root, Member(archive, entry))
    found = tuple(_walk(root))
    members = tuple(node for _, node in found if isinstance(node, Member))
    refuse_escapes({member.entry.path: member.entry for member in members})
    return Overlay(tuple(path for path, node in found if isinstance(node, dict)), members)


def _put(directory: _Directory, member: Member) -> None:
    *parents, name = member.entry.path.split("/")
    for parent in parents:
        directory = _enter(directory, parent)
    if member.entry.kind is Kind.DIRECTORY:
        _enter(directory, name)
    else:
        directory[name] = member


def _enter(directory: _Directory, name: str) -> _Directory:
    found = directory.get(name)
    if not isinstance(found, dict):
        found = directory[name] = {}
    return found


def _walk(root: _Directory) -> Iterator[tuple[str, _Directory | Member]]:
    """Every path with what is there, each after its parent."""
    ahead: list[tuple[str, _Directory]] = [("", root)]
    while ahead:
        prefix, directory = ahead.pop()
        for name, node in directory.items():
            path = prefix + name
            yield path, node
            if isinstance(node, dict):
                ahead.append((f"{path}/", node))

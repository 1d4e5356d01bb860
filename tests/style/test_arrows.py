"""Arrows point down only: what each room of the package may import.

cli ──HTTP──▶ gateway            node ──builds──▶ everything
gateway     ─▶ errors, model
services    ─▶ invocation, sources, observe, client, store, model
sources     ─▶ invocation, client, store, model
invocation  ─▶ environment, client, store, model, observe
environment ─▶ the words of launcher (messages, packets, contract), model
observe     ─▶ store, model
store       ─▶ model
launcher    ─▶ the standard library (and config, errors, which need no more)
runtimes    ─▶ the standard library, and nothing of lambdad
cli         ─▶ config; `doctor` also what the launcher can tell of the machine (probes, findings)
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from source_files import SourceFile, source_files

# What every room may use: names, errors and time, all of the standard library alone.
FOUNDATION = {"errors", "arn", "clock"}

ARROWS = {
    "arn": set(),
    "errors": set(),
    "clock": set(),
    "config": {"errors", "server_certificate"},
    "server_certificate": set(),
    "model": {"arn"},
    "store": {"model"},
    "observe": {"store", "model"},
    "environment": {"launcher", "model"},
    "invocation": {"environment", "client", "store", "model", "observe"},
    "sources": {"invocation", "client", "store", "model"},
    "services": {"invocation", "sources", "observe", "client", "store", "model"},
    "gateway": {"model"},
    "client": {"model"},
    "cli": {"config", "launcher"},  # doctor alone, see below
    "console": set(),
    "launcher": {"config"},
    "runtimes": set(),
}
# The composition root, and what is shipped for other people's tests.
UNBOUND = {"node", "health", "cluster", "testing", "__init__", "__main__"}

OUTSIDERS = {
    "gateway": {"botocore", "cbor2", "httptools"},
    "client": {"botocore"},
    "cli": {"click", "rich", "botocore", "cryptography"},
    "store": {"sqlalchemy"},
    "observe": {"duckdb", "zstandard"},
    "model": {"cryptography"},
    "environment": {"httptools"},
    "node": {"uvloop", "httptools"},
    # Its own package, which is on the path inside the sandbox, and the SDK where it is at hand.
    "runtimes": {"lambdad_runtime", "boto3"},
}

# What node and launcher say to each other: all that one knows of the other.
LAUNCHER_WORDS = tuple(f"lambdad.launcher.{word}" for word in ("messages", "packets", "contract"))

# What `lambdad doctor` asks the launcher's side: facts, and what they mean.
LAUNCHER_PROBES = tuple(f"lambdad.launcher.{package}." for package in ("probes", "findings"))

FILES = source_files()


def bound(*exceptions: str) -> list[SourceFile]:
    """The files that the table of arrows speaks of, and those of the rooms named."""
    return [file for file in FILES if file.room not in UNBOUND or file.room in exceptions]


def in_room(room: str) -> list[SourceFile]:
    return [file for file in FILES if file.room == room]


def test_every_room_is_in_the_table() -> None:
    assert {file.room for file in bound()} <= set(ARROWS)


def test_rooms_import_only_what_lies_below() -> None:
    wrong = []
    for file in bound():
        foundation = set() if file.room in {*FOUNDATION, "runtimes", "config"} else FOUNDATION
        allowed = ARROWS[file.room] | foundation | {file.room}
        wrong += [f"{file} imports {room}" for room in file.rooms_imported - allowed]
    assert wrong == []


def test_packages_from_outside_stay_in_their_rooms() -> None:
    wrong = [
        f"{file} imports {name}"
        for file in bound("node")
        for name in file.outsiders - OUTSIDERS.get(file.room, set())
    ]
    assert wrong == []


def test_only_the_node_imports_the_cluster() -> None:
    importers = {file.room for file in FILES if "cluster" in file.rooms_imported}
    assert importers <= {"node", "cluster"}


def test_services_never_import_each_other() -> None:
    wrong = [
        f"{file} imports {name}"
        for file in in_room("services")
        if len(file.parts) > 2
        for name in file.imports
        if name.startswith("lambdad.services.")
        and not f"{name}.".startswith(f"lambdad.services.{file.parts[1]}.")
    ]
    assert wrong == []


def test_environment_knows_only_the_words_of_the_launcher() -> None:
    wrong = [
        f"{file} imports {name}"
        for file in in_room("environment")
        for name in file.imports
        if name.startswith("lambdad.launcher.") and not name.startswith(LAUNCHER_WORDS)
    ]
    assert wrong == []


def test_only_doctor_knows_the_launcher_and_only_what_it_tells_of_the_machine() -> None:
    wrong = [
        f"{file} imports {name}"
        for file in in_room("cli")
        for name in file.imports
        if name.startswith("lambdad.launcher.")
        and not (file.parts == ("cli", "doctor") and name.startswith(LAUNCHER_PROBES))
    ]
    assert wrong == []


def test_launcher_serves_without_what_doctor_asks() -> None:
    wrong = [
        f"{file} imports {name}"
        for file in in_room("launcher")
        if file.parts[1] not in ("probes", "findings")
        for name in file.imports
        if name.startswith(LAUNCHER_PROBES)
    ]
    assert wrong == []


def test_findings_are_pure() -> None:
    pure = ("__future__", "collections", "dataclasses", "enum", "re")
    ours = ("lambdad.launcher.findings", "lambdad.launcher.probes.machine")
    wrong = [
        f"{file} imports {name}"
        for file in in_room("launcher")
        if file.parts[1] == "findings"
        for name in file.imports
        if not name.startswith((*pure, *ours))
    ]
    assert wrong == []


def test_runtimes_import_nothing_of_lambdad() -> None:
    wrong = [
        f"{file} imports {name}"
        for file in in_room("runtimes")
        for name in file.imports
        if name.split(".")[0] == "lambdad"
    ]
    assert wrong == []

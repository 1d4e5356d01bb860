"""The sandbox contract: of the host's own directories, what the operator lists, and no more."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sandbox_bench import GONE, OWNER, SHARED, Bench, Started
from sandbox_kinds import NAMESPACES, POOLED, PROCESS, STUB
from user_namespace_run import IN_USER_NAMESPACE

from lambdad.launcher.contract import Look, NotToBeHad

on_isolated = pytest.mark.parametrize("bench", [NAMESPACES, POOLED], indirect=True)
on_those_that_run_code = pytest.mark.parametrize(
    "bench", [PROCESS, NAMESPACES, POOLED], indirect=True
)


@pytest.fixture
def live(directory: Path) -> Path:
    return directory / "live/code"


def start(bench: Bench, name: str = "e1", **order: Any) -> Started:
    started = bench.start(name, **order)
    started.assign()
    return started


def ask(started: Started, what: str, **arguments: Any) -> Any:
    return started.call({"do": what, "with": arguments})


def mounting(name: str = "data", arn: str = SHARED) -> dict[str, str]:
    return {"file_system": arn, "mount_path": f"/mnt/{name}"}


# Live code


@on_those_that_run_code
def test_live_code_runs_where_it_is(bench: Bench, live: Path) -> None:
    started = start(bench, code="", live_code=str(live))
    assert started.call({"a": 1}) == {"a": 1}


@on_those_that_run_code
def test_the_next_start_sees_a_change(bench: Bench, live: Path) -> None:
    # Given
    program = (live / "app.py").read_text()
    assert start(bench, "e1", code="", live_code=str(live)).call(1) == 1
    # When
    (live / "app.py").write_text("def handler(event, context):\n    return 'changed'\n")
    # Then
    try:
        assert start(bench, "e2", code="", live_code=str(live)).call(1) == "changed"
    finally:
        (live / "app.py").write_text(program)


@on_isolated
def test_live_code_is_not_the_functions_to_write(bench: Bench, live: Path) -> None:
    # Given: not even when its user is the directory's owner
    started = start(bench, code="", live_code=str(live))
    for path in ("/var/task/new", "/var/task/app.py"):
        assert ask(started, "try_to_write", path=path) == "OSError"
    # Then
    assert sorted(os.listdir(live)) == ["app.py"] or "__pycache__" in os.listdir(live)


@on_isolated
def test_live_code_that_only_its_owner_may_read_runs_where_ids_are_mapped(
    bench: Bench, live: Path
) -> None:
    if IN_USER_NAMESPACE:
        pytest.skip("without root no ids are mapped")
    (live / "app.py").chmod(0o600)
    try:
        assert start(bench, code="", live_code=str(live)).call(1) == 1
    finally:
        (live / "app.py").chmod(0o644)


@on_isolated
def test_live_code_is_there_in_a_second_run(bench: Bench, live: Path) -> None:
    started = start(bench, code="", live_code=str(live))
    started.kill()
    started.restart()
    started.assign()
    assert started.call(1) == 1


# File systems


@on_isolated
def test_what_one_writes_another_reads_and_it_outlives_both(bench: Bench, directory: Path) -> None:
    # Given
    first = start(bench, "e1", **mounting())
    second = start(bench, "e2", **mounting("elsewhere"))
    # When
    ask(first, "write", name="/mnt/data/letter", text="hello")
    # Then
    assert ask(second, "read", path="/mnt/elsewhere/letter") == "hello"
    for started in (first, second):
        started.kill()
        started.sandbox.discard()
    letter = directory / "shared/letter"
    assert letter.read_text() == "hello"
    if not IN_USER_NAMESPACE:
        assert (letter.stat().st_uid, letter.stat().st_gid) == (OWNER, OWNER)


@on_isolated
def test_another_may_write_what_one_has_written(bench: Bench) -> None:
    if IN_USER_NAMESPACE:
        pytest.skip("without root each writes as itself")
    ask(start(bench, "e1", **mounting()), "write", name="/mnt/data/both", text="one")
    ask(second := start(bench, "e2", **mounting()), "write", name="/mnt/data/both", text="two")
    assert ask(second, "read", path="/mnt/data/both") == "two"


@on_isolated
def test_nothing_else_of_mnt_can_be_written_or_seen(bench: Bench) -> None:
    started = start(bench, **mounting())
    assert ask(started, "listing", path="/mnt") == ["data"]
    assert ask(started, "try_to_write", path="/mnt/new") in ("OSError", "PermissionError")


@on_isolated
def test_who_has_no_file_system_sees_none(bench: Bench) -> None:
    start(bench, "e1", **mounting())
    assert ask(start(bench, "e2"), "listing", path="/mnt") == []


@on_isolated
def test_a_file_system_is_there_in_a_second_run(bench: Bench) -> None:
    started = start(bench, **mounting())
    ask(started, "write", name="/mnt/data/kept", text="kept")
    started.kill()
    started.restart()
    started.assign()
    assert ask(started, "read", path="/mnt/data/kept") == "kept"


# What is not to be had


Wanted = Callable[[Path], dict[str, str]]
LACKING: dict[str, Wanted] = {
    "an access point that is not listed": lambda top: mounting(arn=SHARED.replace("0", "2")),
    "one whose directory is gone": lambda top: mounting(arn=GONE),
    "a path in place of an access point": lambda top: mounting(arn=str(top / "shared")),
    "code that is not listed": lambda top: {"code": "", "live_code": str(top / "shared")},
    "code of the store": lambda top: {"code": "", "live_code": str(top / "code/echo")},
    "code behind a link": lambda top: {"code": "", "live_code": str(top / "live/out")},
    "code further behind it": lambda top: {"code": "", "live_code": str(top / "live/out/echo")},
    "code above": lambda top: {"code": "", "live_code": str(top / "live/..")},
    "code that is not there": lambda top: {"code": "", "live_code": str(top / "live/absent")},
    **{
        f"a place at {place!r}": lambda top, place=place: {  # type: ignore[misc]
            "file_system": SHARED,
            "mount_path": place,
        }
        for place in ("", "/", "/mnt", "/mnt/", "/mnt/.", "/mnt/..", "/mnt/a/b", "/mnt/../tmp",
                      "/tmp", "/var/task", "mnt/x", "/mnt/x\n", "/mnt/" + "x" * 300)
    },
}  # fmt: skip


@on_isolated
@pytest.mark.parametrize("wanted", LACKING)
def test_an_order_for_anything_else_starts_nothing(
    bench: Bench, directory: Path, wanted: str
) -> None:
    with pytest.raises(NotToBeHad):
        bench.start("e1", **LACKING[wanted](directory))
    assert start(bench, "e1").call(1) == 1  # the identifier is free


@pytest.mark.parametrize("bench", [PROCESS], indirect=True)
def test_without_mounts_there_are_no_file_systems(bench: Bench, directory: Path) -> None:
    for order in (mounting(), {"code": "", "live_code": str(directory / "live/out")}):
        with pytest.raises(NotToBeHad):
            bench.start("e1", **order)


# Looking


def look(bench: Bench, path: Path) -> Look:
    looks: list[Look] = []
    bench.sandboxes.look(str(path), looks.append)
    bench.until(lambda: looks)
    return looks[0]


@on_those_that_run_code
def test_a_look_says_whether_live_code_has_changed(bench: Bench, live: Path) -> None:
    before = look(bench, live)
    assert (before.directory, before.problem) == (str(live), None)
    assert look(bench, live) == before
    (live / "app.py").touch()
    assert look(bench, live).stamp not in ("", before.stamp)


@on_those_that_run_code
def test_a_look_finds_only_what_is_listed(bench: Bench, directory: Path) -> None:
    for path in ("shared", "live/out", "live/..", "code/echo"):
        found = look(bench, directory / path)
        assert found.problem is not None
        assert found.stamp == ""


@pytest.mark.parametrize("bench", [STUB], indirect=True)
def test_the_stub_has_no_code_to_look_at(bench: Bench, live: Path) -> None:
    assert look(bench, live).problem is not None

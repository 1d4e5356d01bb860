"""A look at live code: its stamp differs when, and only when, its files do."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from lambdad.launcher import looking
from lambdad.launcher.contract import Look
from lambdad.launcher.host_directories import HostDirectories
from lambdad.launcher.loop import Loop

Until = Callable[[Callable[[], object]], None]


@pytest.fixture
def code(tmp_path: Path) -> Path:
    code = tmp_path.resolve() / "code"
    (code / "package").mkdir(parents=True)
    (code / "app.py").write_text("one")
    (code / "package/inner.py").write_text("one")
    return code


def stamp_of(code: Path) -> str:
    directory = os.open(code, os.O_RDONLY)
    try:
        return looking.stamp_of(directory)
    finally:
        os.close(directory)


def keep_times(path: Path, change: Callable[[], object]) -> None:
    """A change that hides: size and time of the last change are what they were."""
    status = path.stat()
    change()
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


CHANGES: dict[str, Callable[[Path], object]] = {
    "content": lambda code: (code / "app.py").write_text("two and more"),
    "content below": lambda code: (code / "package/inner.py").write_text("three"),
    "hidden": lambda code: keep_times(code / "app.py", lambda: (code / "app.py").write_text("two")),
    "new": lambda code: (code / "new.py").touch(),
    "new below": lambda code: (code / "package/new.py").touch(),
    "new directory": lambda code: (code / "more").mkdir(),
    "gone": lambda code: (code / "package/inner.py").unlink(),
    "renamed": lambda code: (code / "app.py").rename(code / "other.py"),
    "replaced": lambda code: (code / "package/inner.py").replace(code / "app.py"),
    "mode": lambda code: (code / "app.py").chmod(0o700),
    "mode of a directory": lambda code: (code / "package").chmod(0o700),
    "link": lambda code: (code / "link").symlink_to("app.py"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_changes_the_stamp(code: Path, change: str) -> None:
    before = stamp_of(code)
    assert before == stamp_of(code)
    CHANGES[change](code)
    assert stamp_of(code) not in ("", before)


def test_another_directory_of_the_same_files_has_another_stamp(code: Path) -> None:
    before = stamp_of(code)
    code.rename(code.with_name("old"))
    code.mkdir()
    for child in code.with_name("old").iterdir():
        child.rename(code / child.name)
    assert stamp_of(code) != before


@pytest.mark.parametrize("name", ["__pycache__", ".git"])
def test_what_is_no_code_changes_nothing(code: Path, name: str) -> None:
    before = stamp_of(code)
    for directory in (code, code / "package"):
        (directory / name).mkdir()
        (directory / name / "x").write_text("x")
    assert stamp_of(code) == before


def test_reading_changes_nothing(code: Path) -> None:
    before = stamp_of(code)
    (code / "app.py").read_text()
    os.utime(code / "package")
    assert stamp_of(code) == before


@pytest.mark.parametrize("name", ["line\nbreak", "\udcff", "sp ace", "ü"])
def test_any_name_is_one(code: Path, name: str) -> None:
    before = stamp_of(code)
    (code / name).touch()
    assert stamp_of(code) not in ("", before)


def test_where_there_is_too_much_nothing_is_the_same(
    code: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looking, "MOST_ENTRIES", 3)
    assert stamp_of(code) != ""
    (code / "one-too-many").touch()
    assert stamp_of(code) == ""


def test_where_it_is_too_deep_nothing_is_the_same(code: Path) -> None:
    deep = code
    for _ in range(70):
        deep = deep / "d"
    deep.mkdir(parents=True)
    assert stamp_of(code) == ""


def test_a_link_to_a_directory_is_not_followed(code: Path) -> None:
    (code / "round").symlink_to(code)
    (code / "root").symlink_to("/")
    assert stamp_of(code) != ""


def test_nothing_stays_open(code: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    stamp_of(code)
    assert len(os.listdir("/proc/self/fd")) == before


def look(loop: Loop, until: Until, directories: HostDirectories, path: str) -> Look:
    looks: list[Look] = []
    looking.look(loop, directories, path, looks.append)
    until(lambda: looks)
    loop.run_until_alone(5)
    return looks[0]


def test_a_look_says_where_it_is_and_what_its_stamp_is(
    loop: Loop, until: Until, code: Path
) -> None:
    directories = HostDirectories(hot_reload=[str(code)])
    (code / "link").symlink_to("package")
    found = look(loop, until, directories, f"{code}/link")
    assert found == Look(f"{code}/package", stamp_of(code / "package"))


def test_a_look_at_what_is_not_listed_says_so(loop: Loop, until: Until, code: Path) -> None:
    found = look(loop, until, HostDirectories(hot_reload=[str(code / "package")]), str(code))
    assert (found.directory, found.stamp) == (str(code), "")
    assert found.problem is not None
    assert "hot_reload" in found.problem


def test_a_look_at_what_is_gone_says_so(loop: Loop, until: Until, code: Path) -> None:
    found = look(loop, until, HostDirectories(hot_reload=[str(code)]), f"{code}/absent")
    assert found.problem is not None
    assert "No such file" in found.problem


def test_a_look_that_never_ends_is_ended(
    loop: Loop, until: Until, code: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hang(directory: int) -> str:
        os.kill(os.getpid(), 14)  # as the alarm would, ten seconds later
        return "late"

    monkeypatch.setattr(looking, "stamp_of", hang)
    found = look(loop, until, HostDirectories(hot_reload=[str(code)]), str(code))
    assert found.problem is not None
    assert "in time" in found.problem


def test_a_look_leaves_nothing_open(loop: Loop, until: Until, code: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    look(loop, until, HostDirectories(hot_reload=[str(code)]), str(code))
    assert len(os.listdir("/proc/self/fd")) == before

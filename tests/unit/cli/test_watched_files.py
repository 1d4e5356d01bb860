"""A change is what differs in the files that deploy packs, once they are quiet."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from lambdad.cli import watched_files
from lambdad.cli.watched_files import WatchedFiles

Act = Callable[[], object]


class Pauses:
    """Stands for `sleep`: in each pause one act is done, and after the last act nothing is."""

    def __init__(self, *acts: Act) -> None:
        self._acts = list(acts)
        self.count = 0

    def __call__(self, seconds: float) -> None:
        self.count += 1
        if self._acts:
            self._acts.pop(0)()


def nothing() -> None:
    """An act that leaves everything as it is."""


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A function of two files."""
    (tmp_path / "lib").mkdir()
    (tmp_path / "app.py").write_text("one")
    (tmp_path / "lib" / "a.py").write_text("one")
    return tmp_path


def changed(path: Path, *acts: Act) -> set[str]:
    """The files of the first change that is seen while `acts` are done, one in each pause."""
    change = WatchedFiles(path, Pauses(*acts)).wait_for_change()
    assert change is not None
    return set(change.files)


def replace(path: Path, text: str) -> None:
    """Save as most editors do: a new file takes the old one's name."""
    new = path.with_name("4913")
    new.write_text(text)
    os.replace(new, path)


def test_a_file_that_is_written_over_is_a_change(directory: Path) -> None:
    assert changed(directory, lambda: (directory / "app.py").write_text("two!")) == {"app.py"}


def test_a_file_that_is_replaced_by_one_of_the_same_size_is_a_change(directory: Path) -> None:
    assert changed(directory, lambda: replace(directory / "app.py", "two")) == {"app.py"}


def test_a_date_that_is_set_back_hides_no_change(directory: Path) -> None:
    # Given a file with an old date
    file = directory / "app.py"
    os.utime(file, (1, 1))

    # When it is written with as many bytes, and its date is set back
    def write() -> None:
        file.write_text("two")
        os.utime(file, (1, 1))

    # Then that is a change
    assert changed(directory, write) == {"app.py"}


def test_new_and_removed_files_are_changes(directory: Path) -> None:
    def move() -> None:
        (directory / "lib" / "a.py").rename(directory / "b.py")

    assert changed(directory, move) == {"lib/a.py", "b.py"}


def test_a_burst_of_saves_is_one_change(directory: Path) -> None:
    # Given saves in three pauses that follow each other
    pauses = Pauses(
        lambda: (directory / "app.py").write_text("two!"),
        lambda: (directory / "app.py").write_text("three"),
        lambda: (directory / "new.py").touch(),
    )
    files = WatchedFiles(directory, pauses)
    # When changes are waited for twice
    first, second = files.wait_for_change(), files.wait_for_change(timeout=0)
    # Then the first is all of them, and there is no second
    assert first is not None
    assert first.files == {"app.py", "new.py"}
    assert second is None


def test_a_file_that_is_written_without_end_holds_nothing_back(directory: Path) -> None:
    # Given a log that grows in every pause
    log = directory / "debug.log"

    def grow(seconds: float = 0) -> None:
        with log.open("a") as file:
            file.write("line\n")

    # Then the change is told all the same
    change = WatchedFiles(directory, grow).wait_for_change()
    assert change is not None
    assert change.files == {"debug.log"}


def test_what_comes_and_goes_again_is_no_change(directory: Path) -> None:
    # Given a file that an editor makes to try the directory, and removes
    trial = directory / "4913"
    pauses = Pauses(trial.touch, trial.unlink, nothing, (directory / "app.py").unlink)
    # Then the next real change is the first that is seen
    change = WatchedFiles(directory, pauses).wait_for_change()
    assert change is not None
    assert change.files == {"app.py"}


def test_what_deploy_leaves_out_is_no_change(directory: Path) -> None:
    def write_caches() -> None:
        for name in ("__pycache__/app.pyc", ".git/index", ".venv/lib/x.py", ".app.py.swp"):
            (directory / name).parent.mkdir(parents=True, exist_ok=True)
            (directory / name).touch()

    pauses = Pauses(write_caches, nothing, (directory / "app.py").unlink)
    change = WatchedFiles(directory, pauses).wait_for_change()
    assert change is not None
    assert change.files == {"app.py"}


def test_a_file_behind_a_link_is_watched(directory: Path) -> None:
    # Given a link to a directory elsewhere
    (directory.parent / f"{directory.name}-shared").mkdir()
    shared = directory.parent / f"{directory.name}-shared" / "b.py"
    shared.touch()
    (directory / "shared").symlink_to(shared.parent)
    # Then what is written there is a change
    assert changed(directory, lambda: shared.write_text("new")) == {"shared/b.py"}


def test_a_directory_that_is_replaced_is_still_watched(directory: Path) -> None:
    # Given a directory that is moved away, made anew, and written to in pauses that are quiet
    function = directory / "lib"
    pauses = Pauses(
        lambda: function.rename(directory / "old"),
        nothing,
        function.mkdir,
        lambda: (function / "a.py").write_text("new"),
    )
    files = WatchedFiles(function, pauses)
    # When two changes are waited for
    gone, back = files.wait_for_change(), files.wait_for_change()
    # Then both are seen
    assert gone is not None
    assert back is not None
    assert gone.files == back.files == {"a.py"}


def test_a_single_file_is_watched_alone(directory: Path) -> None:
    # Given a file that is watched, and one beside it that is written first
    pauses = Pauses(
        lambda: (directory / "other.py").touch(), nothing, (directory / "app.py").unlink, nothing
    )
    change = WatchedFiles(directory / "app.py", pauses).wait_for_change()
    # Then only its own end is a change
    assert change is not None
    assert change.files == {"app.py"}
    assert pauses.count >= 3


def test_nothing_is_told_when_the_time_is_up(directory: Path) -> None:
    assert WatchedFiles(directory, Pauses()).wait_for_change(timeout=0) is None


def test_many_files_are_looked_at_less_often(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a pause that is long beside what a look takes
    monkeypatch.setattr(watched_files, "_PAUSE_PER_LOOK", 1e9)
    pauses: list[float] = []

    def remember(seconds: float) -> None:
        pauses.append(seconds)
        (directory / "app.py").unlink(missing_ok=True)

    # When a change is waited for
    WatchedFiles(directory, remember).wait_for_change()
    # Then it is kept
    assert pauses
    assert min(pauses) > 1

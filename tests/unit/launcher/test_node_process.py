"""Where the node lives, and what is opened for it."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

import pytest

from lambdad.launcher import node_process

USER = 1_899_999_999


@pytest.mark.parametrize("uid", [None, pytest.param(USER, marks=pytest.mark.root)])
def test_the_home_is_made_and_seen_by_nobody(tmp_path: Path, uid: int | None) -> None:
    home = tmp_path / "data/node"
    node_process.make_home(home, uid)
    node_process.make_home(home, uid)  # as at every later start
    modes = {p.name: stat.S_IMODE(p.stat().st_mode) for p in (home, *home.iterdir())}
    assert modes == {"node": 0o711, "tmp": 0o700, "code": 0o711}
    owners = {path.stat().st_uid for path in (home, *home.iterdir())}
    assert owners == {os.geteuid() if uid is None else uid}


@pytest.mark.parametrize("name", ["tmp", "code"])
def test_a_link_that_a_node_left_is_not_followed(tmp_path: Path, name: str) -> None:
    """The home is the node's: what stands there is whatever it wanted to stand there."""
    # Given
    home, stranger = tmp_path / "node", tmp_path / "stranger"
    home.mkdir()
    stranger.mkdir(mode=0o750)
    (home / name).symlink_to(stranger)
    before = stranger.stat()
    # When
    try:
        node_process.make_home(home, USER if os.geteuid() == 0 else None)
    except OSError:
        pass  # to refuse is as good as to replace the link
    # Then
    after = stranger.stat()
    assert (after.st_mode, after.st_uid) == (before.st_mode, before.st_uid)


def test_the_outermost_closed_directory_is_found() -> None:
    with tempfile.TemporaryDirectory() as name:  # pytest's own directories are closed themselves
        top = Path(name)
        inner = top / "closed/further/file"
        inner.parent.mkdir(parents=True)
        inner.touch()
        for path in (top, top / "closed", top / "closed/further"):
            path.chmod(0o711)
        assert node_process._first_closed(str(inner)) is None
        (top / "closed").chmod(0o700)
        (top / "closed/further").chmod(0o700)
        assert node_process._first_closed(str(inner)) == str(top / "closed")


def test_everything_the_interpreter_reads_exists(tmp_path: Path) -> None:
    paths = node_process._python_paths()
    assert all(os.path.exists(path) for path in paths)
    assert any(os.path.realpath(os.__file__).startswith(path) for path in paths)

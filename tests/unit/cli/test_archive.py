"""A deployment package depends on nothing but its files."""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path

from lambdad.cli.archive import files_below, pack, top_level_sources


def make_tree(root: Path) -> Path:
    for name in ("app.py", "package/inner.py", "__pycache__/app.pyc", ".git/config", ".venv/a.py"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)
    return root


def test_same_files_make_the_same_bytes_whatever_their_dates(tmp_path: Path) -> None:
    # Given the same files, written at different times
    first, second = make_tree(tmp_path / "first"), make_tree(tmp_path / "second")
    os.utime(second / "app.py", (1, 1))
    # Then the packages are equal to the byte
    assert pack(files_below(first)) == pack(files_below(second))


def test_caches_version_control_and_virtual_environments_stay_out(tmp_path: Path) -> None:
    make_tree(tmp_path)
    (tmp_path / "myenv" / "lib").mkdir(parents=True)
    (tmp_path / "myenv" / "pyvenv.cfg").touch()
    assert sorted(files_below(tmp_path)) == ["app.py", "package/inner.py"]


def test_an_executable_file_stays_executable(tmp_path: Path) -> None:
    script = tmp_path / "bootstrap"
    script.write_text("#!/bin/sh\n")
    script.chmod(0o700)
    (tmp_path / "plain").touch(mode=0o600)
    with zipfile.ZipFile(io.BytesIO(pack(files_below(tmp_path)))) as archive:
        modes = {entry.filename: entry.external_attr >> 16 & 0o777 for entry in archive.filelist}
    assert modes == {"bootstrap": 0o755, "plain": 0o644}


def test_what_an_editor_keeps_beside_its_file_stays_out(tmp_path: Path) -> None:
    # Given files of vim, Emacs, GNOME, Kate and JetBrains
    for name in (".app.py.swp", "app.py~", "#app.py#", ".#app.py", ".goutputstream-4RZ1Y2"):
        (tmp_path / name).touch()
    for name in (".app.py.kate-swp", "app.py___jb_tmp___", "app.py___jb_old___"):
        (tmp_path / name).touch()
    # And files that only look a little like them
    kept = ["#notes", ".env", "app.py", "swap.swp", "tilde~.txt"]
    for name in kept:
        (tmp_path / name).touch()
    # Then only these are packed
    assert sorted(files_below(tmp_path)) == kept


def test_a_link_is_followed_and_a_circle_ends(tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "a.py").touch()
    (tmp_path / "function").mkdir()
    (tmp_path / "function" / "lib").symlink_to(tmp_path / "shared")
    (tmp_path / "function" / "again").symlink_to(tmp_path / "function")
    (tmp_path / "function" / "lost").symlink_to(tmp_path / "nothing")
    (tmp_path / "function" / "itself").symlink_to(tmp_path / "function" / "itself")
    assert list(files_below(tmp_path / "function")) == ["lib/a.py"]


def test_sources_are_the_python_files_at_the_top(tmp_path: Path) -> None:
    make_tree(tmp_path)
    assert top_level_sources(pack(files_below(tmp_path))) == {"app.py": b"app.py"}

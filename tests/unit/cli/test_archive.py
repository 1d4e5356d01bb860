"""Which files belong to a deployment package."""

from __future__ import annotations

from pathlib import Path

from lambdad.cli.archive import files_below, top_level_sources
from lambdad.cli.packer import Packer


def make_tree(root: Path) -> Path:
    for name in ("app.py", "package/inner.py", "__pycache__/app.pyc", ".git/config", ".venv/a.py"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)
    return root


def test_caches_version_control_and_virtual_environments_stay_out(tmp_path: Path) -> None:
    make_tree(tmp_path)
    (tmp_path / "myenv" / "lib").mkdir(parents=True)
    (tmp_path / "myenv" / "pyvenv.cfg").touch()
    assert sorted(files_below(tmp_path)) == ["app.py", "package/inner.py"]


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
    assert top_level_sources(Packer().pack(files_below(tmp_path))) == {"app.py": b"app.py"}

"""What a runtime that was started as a program finds on the machine, and leaves there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from runtime_under_test import RUNTIME
from scripted_api import event

LOOK_AROUND = """
import importlib.util, sys
def handler(event, context):
    return {
        "path": [entry for entry in sys.path if "-packages" in entry and entry[:5] != "/opt/"],
        "loaded": "stranger" in sys.modules,
        "can_be_found": importlib.util.find_spec("stranger") is not None,
        "hooks": sum(getattr(f, "__name__", "") == "Hook" for f in sys.meta_path),
    }
"""
NOTHING = {"path": [], "loaded": False, "can_be_found": False, "hooks": 0}


@pytest.fixture
def make_prefix(interpreter):
    """Give an interpreter a prefix of its own, with a package that hooks into imports."""

    def make_prefix(prefix: Path) -> tuple[str, Path]:
        version, python = interpreter
        packages = prefix / f"lib/python{version}/site-packages"
        packages.mkdir(parents=True)
        (prefix / "bin").mkdir()
        (prefix / "bin/python").symlink_to(python)
        (prefix / "pyvenv.cfg").write_text(f"home = {os.path.dirname(os.path.realpath(python))}\n")
        (packages / "stranger.py").write_text(
            "import sys\nclass Hook:\n    find_spec = lambda *_: None\nsys.meta_path.append(Hook)\n"
        )
        (packages / "stranger.pth").write_text("import stranger\n")
        return str(prefix / "bin/python"), packages

    return make_prefix


def look_around(run, python, **variables):
    command = [python, "-B", str(RUNTIME / "bootstrap.py")]
    (found,) = run(LOOK_AROUND, [event()], command=command, variables=variables).results()
    return found


def test_what_is_installed_for_the_interpreter_is_left_behind(run, make_prefix, tmp_path):
    python, _ = make_prefix(tmp_path / "machine")
    assert look_around(run, python) == NOTHING


def test_a_directory_that_pythonpath_names_is_the_functions_own(run, make_prefix, tmp_path):
    python, packages = make_prefix(tmp_path / "machine")
    found = look_around(run, python, PYTHONPATH=str(packages))
    assert (found["path"], found["can_be_found"]) == ([str(packages)], True)


def test_an_interpreter_that_the_function_brings_keeps_its_packages(run, make_prefix, tmp_path):
    python, packages = make_prefix(tmp_path / "task/venv")
    found = look_around(run, python)
    assert (found["path"], found["hooks"]) == ([str(packages)], 1)

"""Node.js on this machine, and how it is started."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

import lambdad
from lambdad.launcher.languages import nodejs

RUNTIME = Path(lambdad.__file__).parent / "runtimes/nodejs"
needs_node = pytest.mark.skipif(not nodejs.find(), reason="there is no Node.js on this machine")


@needs_node
def test_the_machines_own_node_is_named_as_its_runtime() -> None:
    for node in nodejs.find():
        assert node.name == f"nodejs{node.version.partition('.')[0]}.x"
        assert node.executable.startswith(node.prefix)


@pytest.mark.parametrize("text", ["", "#!/bin/sh\necho v20.1.2\n"])
def test_a_shim_or_what_is_no_program_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    found = nodejs.find()
    (tmp_path / "node").write_text(text)
    (tmp_path / "node").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert nodejs.find() == [node for node in found if node.executable.startswith("/usr/")]


def test_the_heap_leaves_room_for_what_is_not_in_it() -> None:
    command = nodejs.command("/usr/bin/node", "/var/runtime", 512)
    assert command == ["/usr/bin/node", "--max-old-space-size=460", "/var/runtime/bootstrap.cjs"]


@needs_node
def test_the_runtime_becomes_one_file_that_does_the_same(tmp_path: Path) -> None:
    shutil.copytree(RUNTIME, tmp_path, dirs_exist_ok=True)
    node = nodejs.find()[0]
    nodejs.build(node, tmp_path)
    assert [path.name for path in tmp_path.glob("*.cjs")] == ["bootstrap.cjs"]

    waiting = {"_LAMBDAD_WAITS": "1", "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9"}
    answer = subprocess.run(
        nodejs.command(node.executable, str(tmp_path), 128),
        input=json.dumps(
            {"variables": {**waiting, "LAMBDA_TASK_ROOT": "/", "_HANDLER": "none.at"}}
        ),
        env=waiting,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Cannot find module 'none'" in answer.stdout
    assert "connect ECONNREFUSED 127.0.0.1:9" in answer.stderr


@needs_node
def test_a_program_outside_of_an_installation_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its neighbours would be seen by functions."""
    program = tmp_path / "tools/node"
    program.parent.mkdir()
    shutil.copy(nodejs.find()[0].executable, program)
    monkeypatch.setenv("PATH", str(program.parent))
    assert str(program) not in [node.executable for node in nodejs.find()]


@needs_node
def test_an_installation_is_seen_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "node-20/bin/node"
    header = tmp_path / "node-20/include/node/node_version.h"
    for file in (program, header):
        file.parent.mkdir(parents=True)
    shutil.copy(nodejs.find()[0].executable, program)
    header.touch()
    monkeypatch.setenv("PATH", str(program.parent))
    assert str(program.parents[1]) in [node.prefix for node in nodejs.find()]

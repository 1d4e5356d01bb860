"""Interpreters of other languages than Python: found where sandboxes see them, or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from lambdad.launcher import programs


def test_the_machines_own_node_is_named_as_its_runtime() -> None:
    found = programs.find_nodejs()
    if not Path("/usr/bin/node").exists():
        assert found == {}
        return
    ((name, node),) = found.items()
    assert name == node.name == f"nodejs{node.version.partition('.')[0]}.x"
    assert node.executable.startswith("/usr/")


@pytest.mark.parametrize("text", ["", "#!/bin/sh\necho v20.1.2\n"])
def test_one_that_no_sandbox_sees_is_none(tmp_path: Path, text: str) -> None:
    if text:
        (tmp_path / "node").write_text(text)
        (tmp_path / "node").chmod(0o755)
    assert programs.find_nodejs(str(tmp_path)) == {}

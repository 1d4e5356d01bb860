"""System calls on machines whose numbers we do not have: a node runs there, without sandboxes."""

from __future__ import annotations

import platform

import pytest

from lambdad.launcher import syscalls

_PR_GET_DUMPABLE = 3
_NONE = 0x7FFFFFFF  # no descriptor has this number


def test_what_a_node_needs_is_there_on_every_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    syscalls.prctl(_PR_GET_DUMPABLE)
    syscalls.close_range(_NONE, _NONE)


def test_what_only_sandboxes_need_is_refused_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    with pytest.raises(OSError, match="namespaces are not available on riscv64"):
        syscalls.pivot_root(".", ".")

"""What is tried is tried in a child: its failure is told, and nothing of it stays."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest

from lambdad.launcher.probes import attempts
from lambdad.launcher.probes.attempts import attempt


def namespaces() -> dict[str, str]:
    return {name: os.readlink(f"/proc/self/ns/{name}") for name in os.listdir("/proc/self/ns")}


def refuse() -> None:
    raise PermissionError(1, "Operation not permitted", "/proc/self/uid_map")


def say_nothing() -> None:
    raise OSError


def test_what_works_leaves_no_error() -> None:
    assert attempt(lambda: None) is None


@pytest.mark.parametrize(
    ("action", "error"),
    [
        (refuse, "/proc/self/uid_map: Operation not permitted"),
        (say_nothing, "OSError"),
        (lambda: sys.exit("enough"), "enough"),
        (lambda: os.kill(os.getpid(), signal.SIGKILL), "ended with status 9"),
        (lambda: os._exit(3), "ended with status"),
    ],
)
def test_what_fails_says_how(action: object, error: str) -> None:
    assert error in str(attempt(action))  # type: ignore[arg-type]


def test_a_long_error_is_cut() -> None:
    assert len(str(attempt(lambda: sys.exit("x" * 100_000)))) == 1_000


def test_an_attempt_changes_nothing_of_the_process_that_makes_it() -> None:
    # Given
    before = namespaces(), os.listdir("/proc/self/fd"), os.getcwd()
    children = own_children()
    # When
    attempt(attempts.make_namespaces_as_user)
    attempt(attempts.load_filter)
    # Then
    assert (namespaces(), os.listdir("/proc/self/fd"), os.getcwd()) == before
    assert own_children() <= children


def own_children() -> set[str]:
    """Of this process, which other tests may have left some."""
    return set(Path("/proc/self/task", str(os.getpid()), "children").read_text().split())


def test_mapping_without_newuidmap_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    error = attempt(lambda: attempts.map_ids((100_000, 65_536), (100_000, 65_536)))
    assert "newuidmap" in str(error)


@pytest.mark.root
def test_root_can_do_all_that_a_sandbox_needs() -> None:
    assert attempt(attempts.use_new_calls) is None
    assert attempt(attempts.load_filter) is None
    assert attempt(attempts.make_namespaces) is None

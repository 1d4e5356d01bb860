"""A router, without a way out that works: what it connects, and what it does not."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from lambdad.launcher import network_namespace
from lambdad.launcher.egress_programs import find_program
from lambdad.launcher.loop import Loop
from lambdad.launcher.router import Router
from support.played_internet import require_tools

pytestmark = pytest.mark.root

NUMBER = 1_900_000_001


@pytest.fixture
def sandbox() -> Iterator[int]:
    """The network namespace of a sandbox."""
    namespace = network_namespace.make()
    yield namespace
    os.close(namespace)


def make(loop: Loop, tmp_path: Path, script: str) -> Router:
    """A router whose way out is a script, which gets the descriptor to be ready on."""
    require_tools()
    program = tmp_path / "uplink"
    program.write_text(f'#!/bin/sh\nfor word in "$@"; do case "$word" in {script}\nesac; done\n')
    program.chmod(0o700)
    programs = {"nft": find_program("nft") or "", "slirp4netns": str(program)}
    return Router(loop, programs, allowed=["10.1.0.0/16"], front_door=4566, reaches_host=True)


def test_a_router_without_a_way_out_is_not_made(loop: Loop, tmp_path: Path) -> None:
    with pytest.raises(OSError, match="did not come up"):
        make(loop, tmp_path, "*) exit 1;;")


def test_nothing_is_connected_while_there_is_no_way_out(
    loop: Loop, tmp_path: Path, sandbox: int
) -> None:
    # Given one that ends when somebody opens its pipe
    os.mkfifo(tmp_path / "uplink.end")
    ready = "--ready-fd=*) echo 1 > /proc/self/fd/${word#*=}; cat $0.end;;"
    router = make(loop, tmp_path, ready)
    (tmp_path / "uplink.end").write_text("now")
    while router.is_up:
        loop.run_once(0.1)
    # Then
    with pytest.raises(OSError, match="no egress just now"):
        router.connect(sandbox, NUMBER, "internet")
    router.close()


def test_one_number_is_connected_once(loop: Loop, tmp_path: Path, sandbox: int) -> None:
    # Given
    serve = "--ready-fd=*) echo 1 > /proc/self/fd/${word#*=};; --exit-fd=*)"
    router = make(loop, tmp_path, f"{serve} cat /proc/self/fd/${{word#*=}};;")
    router.connect(sandbox, NUMBER, "internet")
    # Then
    with pytest.raises(OSError, match="File exists"):
        router.connect(sandbox, NUMBER, "internet")
    router.close()

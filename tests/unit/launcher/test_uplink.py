"""The way out of a router: a process that comes, goes, and comes again. Programs of the tests' own
stand in for slirp4netns."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lambdad.launcher.loop import Loop
from lambdad.launcher.uplink import Uplink

Until = Callable[[Callable[[], object]], None]
MakeUplink = Callable[..., Uplink]

# What it is told by its command line: where to say that it is ready, and when to end.
ARGUMENTS = """
for word in "$@"; do case "$word" in
  --ready-fd=*) ready=/proc/self/fd/${word#*=};;
  --exit-fd=*) ending=/proc/self/fd/${word#*=};;
  --disable-host-loopback) loopback=no;;
esac; done
"""
SERVES = 'echo "$loopback" >> "$0.starts"; echo 1 > $ready; cat $ending'


@pytest.fixture
def program(tmp_path: Path) -> Path:
    return tmp_path / "program"


@pytest.fixture
def make(loop: Loop, program: Path) -> Iterator[MakeUplink]:
    """An uplink whose program does what a script says."""
    made: list[Uplink] = []
    namespace = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)

    def make(script: str, *, reaches_loopback: bool = True) -> Uplink:
        program.write_text(f"#!/bin/sh\n{ARGUMENTS}\n{script}\n")
        program.chmod(0o700)
        made.append(Uplink(loop, str(program), namespace, reaches_loopback=reaches_loopback))
        return made[-1]

    yield make
    for uplink in made:
        uplink.close()
    os.close(namespace)


def starts(program: Path) -> list[str]:
    return Path(f"{program}.starts").read_text().splitlines()


def test_it_is_up_when_its_process_says_so_and_until_it_is_closed(make: MakeUplink) -> None:
    # When
    uplink = make(SERVES)
    uplink.start()
    # Then
    assert uplink.is_up
    uplink.close()
    assert not uplink.is_up


def test_the_loopback_of_the_host_is_only_for_those_who_may(
    make: MakeUplink, program: Path
) -> None:
    make(SERVES, reaches_loopback=True).start()
    make(SERVES, reaches_loopback=False).start()
    assert starts(program) == ["", "no"]


def test_a_process_that_does_not_come_up_is_an_error_in_its_own_words(make: MakeUplink) -> None:
    uplink = make("echo 'WARNING: never mind' >&2; echo 'no device' >&2; exit 1")
    with pytest.raises(OSError, match=r"slirp4netns did not come up \(no device\)"):
        uplink.start()
    assert not uplink.is_up


def test_a_program_that_is_not_there_is_an_error(make: MakeUplink, program: Path) -> None:
    uplink = make(SERVES)
    program.unlink()
    with pytest.raises(OSError, match="No such file"):
        uplink.start()


def test_a_process_that_ends_is_followed_by_another(
    make: MakeUplink, until: Until, program: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    # Given one that ends when somebody opens its pipe
    end = Path(f"{program}.end")
    os.mkfifo(end)
    uplink = make('echo start >> "$0.starts"; echo 1 > $ready; cat "$0.end" >&2')
    uplink.start()
    # When
    end.write_text("enough")
    until(lambda: not uplink.is_up)
    # Then
    until(lambda: uplink.is_up)
    assert starts(program) == ["start", "start"]
    assert "slirp4netns ended (enough); starting it again" in capfd.readouterr().err
    end.write_text("enough")


def test_one_that_is_closed_is_not_followed(make: MakeUplink, loop: Loop, program: Path) -> None:
    uplink = make(SERVES)
    uplink.start()
    uplink.close()
    loop.run_once(0)
    assert len(starts(program)) == 1

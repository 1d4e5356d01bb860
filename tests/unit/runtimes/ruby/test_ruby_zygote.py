"""The zygote in Ruby, as the launcher meets it; that its sandboxes hold is for other tests."""

from __future__ import annotations

import base64
import errno
import json
import os
import platform
import re
import signal
import struct
import subprocess
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest
from ruby_under_test import COMMAND, RUBY

from lambdad.launcher import isolation, packets, seccomp, syscalls
from lambdad.launcher.languages import ruby

pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(
        not any(map(ruby.can_fork, ruby.find())), reason="this machine has no Ruby that forks"
    ),
]
REQUEST = {"type": "fork", "id": "e1", "uid": 1_999_999_999, "namespaces": 0}
REQUEST |= {"standby": {"command": [], "variables": {}}}
NO_LISTENERS = dict.fromkeys(("runtime_api", "endpoint", "xray_daemon"), 0)
# Filters: return SECCOMP_RET_ALLOW; and, of the system call that makes processes, EAGAIN.
ALLOWING = struct.pack("HBBI", 0x06, 0, 0, 0x7FFF0000)
NO_PROCESSES = (
    struct.pack("HBBI", 0x20, 0, 0, 0)
    + struct.pack("HBBI", 0x15, 0, 1, syscalls.numbers("clone")["clone"])
    + struct.pack("HBBI", 0x06, 0, 0, 0x00050000 | errno.EAGAIN)
    + ALLOWING
)
FAILING_AFTERWARDS = """
module Failing
  def fork
    super.tap { |pid| raise Errno::ENOMEM if pid.nil? }
  end
end
Object.include(Failing)
"""
# What an interpreter does that has a thread of its own.
WITH_A_THREAD = """
module Starting
  def fork
    super.tap { |pid| Thread.new { sleep } if pid.nil? }
  end
end
Object.include(Starting)
"""


class Zygote:
    """A process, and the launcher's end of the line to it."""

    def __init__(self, told: dict[str, Any], *options: str, filter_program: bytes = b"") -> None:
        self.control, theirs = packets.socket_pair()
        self.control.settimeout(30)
        assert RUBY is not None
        command = [RUBY, *options, *COMMAND[1:], "zygote", str(theirs.fileno())]
        with theirs:
            self.process = subprocess.Popen(
                command, stdin=subprocess.PIPE, pass_fds=[theirs.fileno()], cwd="/",
                preexec_fn=partial(syscalls.seccomp_filter, filter_program or ALLOWING),
            )  # fmt: skip
        assert self.process.stdin is not None
        with self.process.stdin as standard_input:
            standard_input.write(json.dumps(told).encode())
        assert self.hear() == {"type": "ready"}

    def hear(self) -> dict[str, Any]:
        packet = packets.receive(self.control)
        assert packet is not None
        return packet[0]

    def fork(self) -> str:
        """Ask for an environment that cannot come to be; returns what it says of that."""
        line, theirs = packets.socket_pair()
        reading, writing = os.pipe()
        with line, theirs:
            packets.send(self.control, REQUEST, [theirs.fileno(), reading, writing])
            for descriptor in (reading, writing):
                os.close(descriptor)
            theirs.close()
            packet = packets.receive(line)
        assert packet is not None
        return str(packet[0]["failed"])

    def end(self) -> int:
        self.control.close()
        return self.process.wait(30)


@pytest.fixture
def told() -> dict[str, Any]:
    """No step that would change anything, and a filter."""
    data = isolation.to_data(seccomp.filter_program(platform.machine()))
    return {**data, "listeners": NO_LISTENERS, "steps": {name: [] for name in data["steps"]}}


@pytest.fixture
def start() -> Iterator[Callable[..., Zygote]]:
    zygotes: list[Zygote] = []

    def start(told: dict[str, Any], *options: str, **settings: Any) -> Zygote:
        zygotes.append(Zygote(told, *options, **settings))
        return zygotes[-1]

    yield start
    for zygote in zygotes:
        assert zygote.end() == 0


def test_a_step_that_fails_is_named_and_ends_the_process(start, told):
    told["steps"]["enter"] = [["umount2", *isolation.calls.numbers("umount2").values(), "/no", 0]]
    zygote = start(told)
    for _ in range(2):
        said = zygote.fork()
        assert "umount2 /no 0" in said
        assert "No such file or directory" in said
        assert zygote.hear() == {"type": "exited", "id": "e1", "status": 256}


def test_a_process_with_several_threads_never_gives_up_the_privileges_of_one(
    start, told, tmp_path: Path
):
    preload = tmp_path / "preload.rb"
    preload.write_text(WITH_A_THREAD)
    zygote = start(told, "-r", str(preload))
    assert "the process has several threads" in zygote.fork()
    assert zygote.hear() == {"type": "exited", "id": "e1", "status": 256}


def test_a_process_with_a_descriptor_that_nobody_expects_goes_no_further(
    start, told, tmp_path: Path
):
    preload = tmp_path / "preload.rb"
    preload.write_text("LEFT = File.open('/dev/null')\n")
    told["steps"]["give_up_privileges"] = isolation.to_data(b"")["steps"]["give_up_privileges"]
    told["filter"] = base64.b64encode(ALLOWING).decode()
    zygote = start(told, "-r", str(preload))
    assert re.search("descriptor [0-9]+ is open: /dev/null", zygote.fork())
    assert zygote.hear()["type"] == "waiting"  # there was nothing to be waited for
    assert zygote.hear() == {"type": "exited", "id": "e1", "status": 256}


def test_that_there_was_no_process_to_be_had_is_told_as_an_end(start, told):
    told["numbers"]["unshare"] = 100_000
    zygote = start(told)
    packets.send(zygote.control, REQUEST)
    assert zygote.hear() == {"type": "exited", "id": "e1", "status": 256}


def test_it_waits_for_no_process_while_none_is_to_be_had(start, told):
    zygote = start(told, filter_program=NO_PROCESSES)
    for _ in range(2):
        packets.send(zygote.control, REQUEST)
        assert zygote.hear() == {"type": "exited", "id": "e1", "status": 256}


def test_what_was_forked_never_goes_on_as_a_zygote(start, told, tmp_path: Path):
    preload = tmp_path / "preload.rb"
    preload.write_text(FAILING_AFTERWARDS)
    zygote = start(told, "-r", str(preload))
    for _ in range(2):
        packets.send(zygote.control, REQUEST)
        assert zygote.hear() == {"type": "exited", "id": "e1", "status": 256}
    assert psutil.Process(zygote.process.pid).children() == []


def test_only_its_launcher_ends_it(start, told):
    zygote = start(told)
    zygote.process.send_signal(signal.SIGTERM)
    packets.send(zygote.control, REQUEST)
    assert zygote.hear() == {"type": "exited", "id": "e1", "status": 256}


def test_what_is_gone_cannot_be_signalled_any_more(start, told):
    zygote = start(told)
    for what in ("kill", "freeze", "thaw"):
        packets.send(zygote.control, {"type": what, "id": "e7"})
    packets.send(zygote.control, REQUEST)  # without what it needs
    assert zygote.hear() == {"type": "exited", "id": "e1", "status": 256}

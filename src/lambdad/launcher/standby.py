"""A program that was started before anybody knew for which function: the launcher's ends of it.

It cannot take descriptors over a channel, as a process of ours can. So it is born with two pipes:
what it prints goes into one, and its standard input is the other, over which it is told its
function's environment variables when there is one. Its listeners were opened before it was started,
and the launcher has kept them.

    program ◀── {"variables": …}, and then the end ── standard input
            ─── what it prints ──▶ the node, from the moment at which it has a function
"""

from __future__ import annotations

import json
import os
import resource
from collections.abc import Mapping
from dataclasses import dataclass

from lambdad.launcher import entering, packets

# Tells a runtime that its variables come over standard input, and whether it has time to warm up.
WAITS = "_LAMBDAD_WAITS"
_LONG, _BRIEFLY = "1", "briefly"
_LAST_WORDS = 4096


@dataclass(frozen=True)
class Program:
    """A command line, as a sandbox sees it, and the variables that its interpreter reads."""

    command: list[str]
    variables: Mapping[str, str]


class Standby:
    """One such program, from before it is started until it has its function."""

    def __init__(self, program: Program, uid: int, *, is_ahead: bool) -> None:
        """`is_ahead` when nobody waits for it yet."""
        self._program = program
        self._waits = _LONG if is_ahead else _BRIEFLY
        self._handed: dict[str, int] = {}
        self._reading, self._input = os.pipe2(os.O_CLOEXEC)
        self._output, self._writing = os.pipe2(os.O_CLOEXEC)
        os.fchown(self._writing, uid, uid)  # so that it may open /dev/stdout again

    @property
    def request(self) -> dict[str, object]:
        """What the zygote must know to start it."""
        variables = {**self._program.variables, WAITS: self._waits}
        return {"command": self._program.command, "variables": variables}

    @property
    def its_ends(self) -> list[int]:
        """The program's standard input and output."""
        return [self._reading, self._writing]

    def close_its_ends(self) -> None:
        """The program has them now."""
        for descriptor in self.its_ends:
            os.close(descriptor)

    def keep(self, handed: Mapping[str, int]) -> None:
        """What the node is to have: its listeners, and where its memory and /tmp are seen."""
        self._handed.update(handed)

    def limit_data(self, pid: int, size: int | None) -> None:
        """Let it, and each process that it starts, have no more data; see the cgroups."""
        if size is not None:
            resource.prlimit(pid, resource.RLIMIT_DATA, (size, size))

    def assign(self, channel: int) -> None:
        """Be the program in what is said over the node's channel, and tell the program of it.
        OSError when either is not there any more."""
        with packets.from_descriptor(os.dup(channel)) as speaker:
            speaker.setblocking(False)  # the variables were sent ahead
            packet = packets.receive(speaker)
            if packet is None:
                raise OSError("nobody wants this environment any more")
            handed = {**self._handed, "output": self._output}
            packets.send(speaker, {"handed": list(handed)}, list(handed.values()))
        variables = entering.with_addresses(packet[0]["variables"], [])
        os.set_blocking(self._input, False)  # a pipe holds far more than there can be
        os.write(self._input, json.dumps({"variables": variables}).encode())

    def last_words(self) -> str:
        """What it has printed, at its end."""
        os.set_blocking(self._output, False)
        try:
            return os.read(self._output, _LAST_WORDS).decode(errors="replace").strip()
        except BlockingIOError:
            return ""

    def close(self) -> None:
        """Give back what we still have of it; one that was not told anything ends."""
        for descriptor in (*self._handed.values(), self._input, self._output):
            os.close(descriptor)
        self._handed.clear()
        self._input = self._output = -1

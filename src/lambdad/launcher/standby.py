"""A program that was started before anybody knew for which function: the launcher's ends of it.

It cannot take descriptors over a channel, as a process of ours can. So it is born with two pipes:
what it prints goes into one, and its standard input is the other, over which it is told its
function's environment variables when there is one. Its listeners were opened before it was started,
and the launcher has kept them.

    program ◀── {"variables": …}, and then the end ── standard input
            ─── what it prints ──▶ the node, from the moment at which it has a function
"""

from __future__ import annotations

import errno
import json
import os
import socket
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass

from lambdad.launcher import entering, packets

# Tells a runtime that its variables come over standard input, and whether it has time to warm up.
WAITS = "_LAMBDAD_WAITS"
_LONG, _BRIEFLY = "1", "briefly"


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
        with ExitStack() as opened:
            self._reading, self._input = _open_pipe(opened)
            self._output, self._writing = _open_pipe(opened)
            os.fchown(self._writing, uid, uid)  # so that it may open /dev/stdout again
            opened.pop_all()

    @property
    def request(self) -> dict[str, object]:
        """What the zygote must know to start it."""
        known = entering.with_addresses(dict(self._program.variables), [])
        variables = {**known, WAITS: self._waits}
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

    def assign(self, channel: int) -> None:
        """Be the program in what is said over the node's channel, and tell the program of it.
        OSError when either is not there any more, or says what nobody understands."""
        with packets.from_descriptor(os.dup(channel)) as speaker:
            speaker.setblocking(False)  # the variables were sent ahead
            self._tell(_read_variables(speaker))
            handed = {**self._handed, "output": self._output}
            packets.send(speaker, {"handed": list(handed)}, list(handed.values()))

    def _tell(self, variables: dict[str, str]) -> None:
        message = {"variables": entering.with_addresses(variables, [])}
        text = json.dumps(message, ensure_ascii=False).encode()
        os.set_blocking(self._input, False)
        if os.write(self._input, text) != len(text):
            raise OSError(errno.ENOBUFS, "the pipe to a waiting program is too small")

    def close(self) -> None:
        """Give back what we still have of it; one that was not told anything ends."""
        for descriptor in (*self._handed.values(), self._input, self._output):
            os.close(descriptor)
        self._handed.clear()
        self._input = self._output = -1


def _open_pipe(opened: ExitStack) -> tuple[int, int]:
    ends = os.pipe2(os.O_CLOEXEC)
    for descriptor in ends:
        opened.callback(os.close, descriptor)
    return ends


def _read_variables(speaker: socket.socket) -> dict[str, str]:
    packet = packets.receive(speaker)
    if packet is None:
        raise OSError("nobody wants this environment any more")
    message, descriptors = packet
    for descriptor in descriptors:  # the node sends none
        os.close(descriptor)
    variables = message.get("variables")
    if not isinstance(variables, dict):
        raise OSError(errno.EPROTO, "the assignment has no variables")
    return variables

"""What `strace -f -y` has seen, read back; and whether it shows that what is acknowledged was
forced to the disk before."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

WRITES = ("write", "pwrite64", "writev")
FORCES = ("fsync", "fdatasync")
ANSWERS = ("write", "writev", "sendto", "sendmsg")
TRACED = sorted({*WRITES, *FORCES, *ANSWERS})

_BEGUN = re.compile(r"(?:\[pid +)?(\d+)\]? +(\w+)\((.*)")
_RESUMED = re.compile(r"(?:\[pid +)?(\d+)\]? +<\.\.\. (\w+) resumed>(.*)")
_TARGET = re.compile(r"(\d+)<([^>]*)>")
_RESULT = re.compile(r"\) += (-?\d+)[^\"]*$")
_UNFINISHED = "<unfinished ...>"


@dataclass(frozen=True, slots=True)
class Call:
    """One system call; `began` and `ended` are numbers of lines. Without an end it was not seen,
    and `result` is -1."""

    name: str
    descriptor: int
    path: str
    text: str  # its arguments, as strace shows them
    began: int
    ended: float = float("inf")
    result: int = -1


def read_calls(lines: Iterable[str]) -> list[Call]:
    """The calls on descriptors, in the order in which they began; what a call that was interrupted
    by another thread's has on two lines is one."""
    calls: list[Call] = []
    begun: dict[str, int] = {}  # by thread, where its call is that has not ended
    for number, line in enumerate(lines):
        if resumed := _RESUMED.match(line):
            index = begun.pop(resumed[1], None)
            if index is not None:
                calls[index] = _ended(calls[index], resumed[3], number)
            continue
        if (called := _BEGUN.match(line)) and (target := _TARGET.match(called[3])):
            call = Call(called[2], int(target[1]), target[2], called[3], number)
            if _UNFINISHED in line:
                begun[called[1]] = len(calls)
                calls.append(call)
            else:
                calls.append(_ended(call, called[3], number))
    return calls


def _ended(call: Call, rest: str, number: int) -> Call:
    found = _RESULT.search(rest)
    result = int(found[1]) if found else -1
    text = call.text if call.began == number else call.text + rest
    return Call(call.name, call.descriptor, call.path, text, call.began, number, result)


def why_not_durable(calls: list[Call], answers: Mapping[str, str], log: str, status: str) -> str:
    """Empty if each marker of `answers`, which is in what was asked for, was written to the file
    `log`, the same descriptor was then forced to the disk, and only then the answer was begun that
    has this `status` and the marker's request id; else what is wrong."""
    for marker, request_id in answers.items():
        answered = [call for call in calls if _is_answer(call, status, request_id)]
        if len(answered) != 1:
            return f"{len(answered)} answers to {marker}"
        written = [call for call in calls if _is_of(call, log) and marker in call.text]
        if not written or written[0].ended > answered[0].began:
            return f"{marker} was answered before it was written"
        if not any(_is_between(call, written[0], answered[0]) for call in calls):
            return f"{marker} was answered before it was forced to the disk"
    return ""


def _is_answer(call: Call, status: str, request_id: str) -> bool:
    header = f"x-amzn-requestid: {request_id}"  # what functions are answered has no such
    return call.name in ANSWERS and f'"{status}' in call.text and header in call.text


def _is_of(call: Call, log: str) -> bool:
    return call.name in WRITES and call.path.endswith(log)


def _is_between(call: Call, written: Call, answered: Call) -> bool:
    if call.name not in FORCES or call.result != 0:
        return False
    if (call.descriptor, call.path) != (written.descriptor, written.path):
        return False
    return written.ended < call.began and call.ended < answered.began

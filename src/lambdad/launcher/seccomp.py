"""The system-call filter of a sandbox: an allow-list, assembled as classic BPF.

What is allowed, what is allowed with some arguments, and why, is data: `seccomp.json`. The numbers
of the calls are in `system_call_numbers.json`. Of the rest, a call that has a number there is
answered EPERM, unless its group says otherwise, and any other ENOSYS, as by a kernel that is older
than the call: a kernel's new surface is never reachable before somebody has looked at it.

    number ──▶ which run of equal answers? ──▶ answer, or a look at the arguments
               (a search that halves)
"""

from __future__ import annotations

import errno
import json
import struct
from pathlib import Path
from typing import Any, Dict, List, Tuple

_ARCHITECTURE = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}

_LOAD, _AND, _JUMP, _JEQ, _JGE, _JSET, _RETURN = 0x20, 0x54, 0x05, 0x15, 0x35, 0x45, 0x06
_OFFSET_NUMBER, _OFFSET_ARCHITECTURE, _OFFSET_ARGUMENTS = 0, 4, 16
_FARTHEST = 255  # what a conditional jump can skip

Instruction = Tuple[int, int, int, int]
Code = List[Instruction]
Run = Tuple[int, Code]  # the first number, and what answers it and those that follow

_ALLOW: Code = [(_RETURN, 0, 0, 0x7FFF0000)]
_KILL: Code = [(_RETURN, 0, 0, 0x80000000)]


def filter_program(machine: str) -> bytes:
    """The BPF program for `machine` (`x86_64` or `aarch64`)."""
    program: Code = [
        (_LOAD, 0, 0, _OFFSET_ARCHITECTURE),
        (_JEQ, 1, 0, _ARCHITECTURE[machine]),
        *_KILL,
        (_LOAD, 0, 0, _OFFSET_NUMBER),
        *_search(_runs(_answers(machine))),
    ]
    return b"".join(struct.pack("HBBI", *instruction) for instruction in program)


def _answers(machine: str) -> Dict[int, Code]:
    """What is said to each number that has a name."""
    table, lists = _data("system_call_numbers.json"), _data("seccomp.json")
    column = table["architectures"].index(machine)
    answers = {name: _error("EPERM") for name in table["numbers"]}
    for group in lists["refused"].values():
        answers.update(dict.fromkeys(group["calls"], _error(group["errno"])))
    for group in lists["allowed"].values():
        answers.update(dict.fromkeys(group["calls"], _ALLOW))
    for guard in lists["guarded"]:
        answers.update(dict.fromkeys(guard["calls"], _guard(guard["checks"])))
    numbers = {name: both[column] for name, both in table["numbers"].items()}
    return {numbers[name]: code for name, code in answers.items() if numbers[name] is not None}


def _data(name: str) -> Any:
    return json.loads(Path(__file__).with_name(name).read_text(encoding="utf-8"))


def _error(name: str) -> Code:
    return [(_RETURN, 0, 0, 0x00050000 | getattr(errno, name))]


def _guard(checks: List[Dict[str, Any]]) -> Code:
    """Refuse by the first of `checks` that objects; allow when none does."""
    return [instruction for check in checks for instruction in _check(check)] + _ALLOW


def _check(check: Dict[str, Any]) -> Code:
    """Refuse by one argument, less the bits to ignore; unless another argument exempts the call."""
    load, values, refuse = _load(check), _values(check["values"]), _error(check["errno"])
    if check["refuse"] == "any bit of":
        code = [*load, (_JSET, 0, 1, sum(values)), *refuse]
    elif check["refuse"] == "one of":
        code = [*load, *(step for value in values for step in ((_JEQ, 0, 1, value), *refuse))]
    else:
        assert check["refuse"] == "all but"
        code = [*load, *_skip(values, refuse)]
    if "unless" not in check:
        return code
    return [*_load(check["unless"]), *_skip(_values(check["unless"]["values"]), code)]


def _load(operand: Dict[str, Any]) -> Code:
    """Load the lower half of an argument: all that the kernel itself reads of these."""
    code: Code = [(_LOAD, 0, 0, _OFFSET_ARGUMENTS + 8 * operand["argument"])]
    if "ignore" in operand:
        code.append((_AND, 0, 0, 0xFFFFFFFF - sum(_values(operand["ignore"]))))
    return code


def _values(named: Dict[str, str]) -> List[int]:
    return [int(value, 0) for value in named.values()]


def _skip(values: List[int], code: Code) -> Code:
    """Do `code`, but not when what is loaded is one of `values`."""
    over = len(values) - 1 + len(code)
    return [*((_JEQ, over - at, 0, value) for at, value in enumerate(values)), *code]


def _runs(answers: Dict[int, Code]) -> List[Run]:
    """All numbers as runs of equal answers; the last has no end, and has x32's numbers too, in
    which bit 30 is set."""
    runs: List[Run] = []
    for number in range(max(answers) + 2):
        code = answers.get(number) or _error("ENOSYS")
        if not runs or runs[-1][1] != code:
            runs.append((number, code))
    return runs


def _search(runs: List[Run]) -> Code:
    """Find the run of the number that is loaded, by halves."""
    if len(runs) == 1:
        return runs[0][1]
    middle = len(runs) // 2
    first, below, above = runs[middle][0], _search(runs[:middle]), _search(runs[middle:])
    if len(below) <= _FARTHEST:
        return [(_JGE, len(below), 0, first), *below, *above]
    return [(_JGE, 0, 1, first), (_JUMP, 0, 0, len(below)), *below, *above]

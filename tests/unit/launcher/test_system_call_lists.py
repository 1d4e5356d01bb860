"""The lists of system calls: complete, without contradictions, and right about the numbers."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from lambdad.launcher import seccomp

DIRECTORY = Path(seccomp.__file__).parent
LISTS = json.loads((DIRECTORY / "seccomp.json").read_text())
TABLE = json.loads((DIRECTORY / "system_call_numbers.json").read_text())
NUMBERS: dict[str, list[int | None]] = TABLE["numbers"]
GROUPS: list[dict[str, Any]] = [
    *LISTS["allowed"].values(), *LISTS["guarded"], *LISTS["refused"].values(),
]  # fmt: skip
X86_HEADERS = [Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"),
               Path("/usr/include/asm/unistd_64.h")]  # fmt: skip
GENERIC_HEADER = Path("/usr/include/asm-generic/unistd.h")
_OF_32_BITS = range(403, 424)  # the calls with 64-bit times, which a 64-bit machine lacks
_NO_CALLS = {"syscalls", "arch_specific_syscall", "sync_file_range2"}


def numbers_of(machine: str) -> dict[str, int]:
    """What the table says of one architecture."""
    column = TABLE["architectures"].index(machine)
    return {name: n for name, both in NUMBERS.items() if (n := both[column]) is not None}


def defined_in(header: Path) -> dict[str, int]:
    """The calls that a header of the kernel defines."""
    lines = re.findall(r"^#define __NR(?:3264)?_(\w+)\s+(\d+)$", header.read_text(), re.MULTILINE)
    return {name: int(number) for name, number in lines if name not in _NO_CALLS}


def assert_same(machine: str, header: dict[str, int]) -> None:
    """What both know, both know as the same; what only the table knows is newer."""
    table = numbers_of(machine)
    known = {name: number for name, number in header.items() if name in table}
    assert known == {name: table[name] for name in known}
    newest = max(header.values())
    extra = {name for name, number in table.items() if number <= newest and name not in header}
    assert extra <= {"uretprobe", "uprobe"}  # younger, with older numbers
    assert all(number > max(table.values()) for name, number in header.items() if name not in table)


def test_every_group_has_a_reason_and_calls() -> None:
    for group in GROUPS:
        assert re.fullmatch(r"[A-Z_a-z].*\.", group["reason"]), group
        assert group["calls"], group


def test_every_call_is_on_exactly_one_list() -> None:
    listed = [name for group in GROUPS for name in group["calls"]]
    assert sorted(listed) == sorted(NUMBERS)


def test_every_call_has_a_number_for_each_architecture_or_null() -> None:
    assert TABLE["architectures"] == ["x86_64", "aarch64"]
    for name, both in NUMBERS.items():
        assert len(both) == 2, name
        assert any(number is not None for number in both), name
        assert all(number is None or 0 <= number < 600 for number in both), name


@pytest.mark.parametrize("machine", TABLE["architectures"])
def test_no_number_has_two_names(machine: str) -> None:
    numbers = numbers_of(machine)
    assert len(set(numbers.values())) == len(numbers)


def test_numbers_from_424_on_are_the_same_everywhere() -> None:
    assert {name: both for name, both in NUMBERS.items() if both[0] != both[1]
            and max(number or 0 for number in both) >= 424} == {}  # fmt: skip


def test_the_numbers_of_x86_are_those_of_the_kernels_header() -> None:
    header = next((path for path in X86_HEADERS if path.exists()), None)
    if header is None:
        pytest.skip("the kernel's headers for x86-64 are not installed")
    assert_same("x86_64", defined_in(header))


def test_the_numbers_of_arm64_are_those_of_the_kernels_generic_header() -> None:
    if not GENERIC_HEADER.exists():
        pytest.skip("the kernel's headers are not installed")
    header = defined_in(GENERIC_HEADER)
    header["newfstatat"] = header.pop("fstatat", header.get("newfstatat", -1))
    header = {name: number for name, number in header.items() if number not in _OF_32_BITS}
    assert_same("aarch64", header)


def test_an_error_is_one_that_a_kernel_could_give() -> None:
    checks = [check for guard in LISTS["guarded"] for check in guard["checks"]]
    errors = {given["errno"] for given in [*LISTS["refused"].values(), *checks]}
    of_sockets = {"EAFNOSUPPORT", "ESOCKTNOSUPPORT", "EPROTONOSUPPORT"}
    assert errors == {"EPERM", "ENOSYS", *of_sockets}


def test_bits_to_refuse_or_to_ignore_are_distinct() -> None:
    """They are added up."""
    for guard in LISTS["guarded"]:
        for check in guard["checks"]:
            refused = check["values"] if check["refuse"] == "any bit of" else {}
            for named in (refused, check.get("ignore", {})):
                bits = [int(value, 0) for value in named.values()]
                assert len(bits) == len(set(bits))
                assert all(bit.bit_count() == 1 for bit in bits)


def test_a_check_says_nothing_that_is_not_understood() -> None:
    """A misspelt `unless` or `ignore` would be passed over in silence."""
    for guard in LISTS["guarded"]:
        for check in guard["checks"]:
            needed = {"argument", "refuse", "values", "errno"}
            assert needed <= set(check) <= needed | {"unless", "ignore"}
            assert set(check.get("unless", {})) <= {"argument", "values"}

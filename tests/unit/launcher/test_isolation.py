"""The steps into a sandbox as data: what a zygote that is not Python plays."""

from __future__ import annotations

import json
import os
import platform
from pathlib import Path

import pytest

from lambdad.launcher import isolation, seccomp, syscalls

pytestmark = pytest.mark.skipif(
    platform.machine() not in ("x86_64", "aarch64"), reason="there are no numbers for this machine"
)
NAMED = json.loads(Path(seccomp.__file__).with_name("system_call_numbers.json").read_text())


def test_what_is_recorded_is_not_made() -> None:
    before = os.readlink("/proc/self/ns/uts")
    calls = syscalls.recorded(lambda: syscalls.unshare(syscalls.CLONE_NEWUTS))
    assert [(name, *arguments) for name, _, *arguments in calls] == [("unshare", 0x04000000)]
    assert os.readlink("/proc/self/ns/uts") == before


def test_steps_that_fail_end_the_recording() -> None:
    with pytest.raises(ZeroDivisionError):
        syscalls.recorded(lambda: print(1 // 0))
    with pytest.raises(OSError, match="umount2 /nowhere"):
        syscalls.unmount("/nowhere")


def test_arguments_are_numbers_texts_and_structures_and_nothing_is_a_zero() -> None:
    calls = syscalls.recorded(lambda: syscalls.mount(None, "/proc", "proc", syscalls.MS_NOEXEC))
    assert calls[0][2:] == [0, "/proc", "proc", 8, 0]
    *_, capset = syscalls.recorded(lambda: syscalls.set_capabilities(0))
    header, content = capset[2:]
    assert header == {"bytes": "2205082000000000"}
    assert content == {"bytes": "00" * 24}


def test_the_numbers_are_the_kernels() -> None:
    column = NAMED["architectures"].index(platform.machine())
    own = syscalls.numbers(*syscalls._NUMBERS)
    assert own == {name: NAMED["numbers"][name][column] for name in own}


def test_a_zygote_is_told_every_step_in_json() -> None:
    told = isolation.to_data(seccomp.filter_program(platform.machine()))
    steps = json.loads(json.dumps(told))["steps"]
    names = {name: [call[0] for call in calls] for name, calls in steps.items()}
    assert names["enter"][:2] == names["enter_again"][:2] == ["unshare", "sethostname"]
    assert names["give_up_privileges"] == ["prctl", "capset", "prctl", "prctl", "prctl"]
    assert set(names["drop_bounding_capabilities"]) == {"prctl"}

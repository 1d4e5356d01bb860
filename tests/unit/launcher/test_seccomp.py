"""The system-call filter, run by a small interpreter of classic BPF instead of by the kernel."""

from __future__ import annotations

import errno
import struct

import pytest

from lambdad.launcher import seccomp

ALLOW = 0x7FFF0000
KILL = 0x80000000
REFUSE = 0x00050000 | errno.EPERM
UNKNOWN = 0x00050000 | errno.ENOSYS

MACHINES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
# (x86-64, arm64): what programs cannot do without.
EVERYDAY = {
    "read": (0, 63), "write": (1, 64), "mmap": (9, 222), "mprotect": (10, 226),
    "socket": (41, 198), "execve": (59, 221), "exit_group": (231, 94), "futex": (202, 98),
    "openat": (257, 56), "prlimit64": (302, 261), "getrandom": (318, 278), "rseq": (334, 293),
    "seccomp": (317, 277), "pidfd_open": (434, 434), "close_range": (436, 436),
    "openat2": (437, 437), "faccessat2": (439, 439), "futex_waitv": (449, 449),
}  # fmt: skip
CALLS = {
    "clone": (56, 220), "prctl": (157, 167), "ioctl": (16, 29), "clone3": (435, 435),
}  # fmt: skip
NAMESPACES = {
    "TIME": 0x80, "NS": 0x20000, "CGROUP": 0x02000000, "UTS": 0x04000000, "IPC": 0x08000000,
    "USER": 0x10000000, "PID": 0x20000000, "NET": 0x40000000,
}  # fmt: skip
THREAD = 0x3D0F00  # the flags with which glibc makes a thread
FORK = 0x01200011


def judge(program: bytes, packet: bytes) -> int:
    """What `program` says of the `seccomp_data` in `packet`."""
    code = [struct.unpack_from("HBBI", program, at) for at in range(0, len(program), 8)]
    accumulator = at = 0
    while True:
        operation, if_true, if_false, value = code[at]
        at += 1
        if operation == 0x20:
            (accumulator,) = struct.unpack_from("I", packet, value)
        elif operation == 0x06:
            return int(value)
        else:
            holds = {
                0x15: accumulator == value,
                0x25: accumulator > value,
                0x35: accumulator >= value,
                0x45: bool(accumulator & value),
            }[operation]
            at += if_true if holds else if_false


@pytest.fixture(params=MACHINES)
def machine(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


class Kernel:
    def __init__(self, machine: str) -> None:
        self.column = list(MACHINES).index(machine)
        self._architecture = MACHINES[machine]
        self._program = seccomp.filter_program(machine)

    def call(self, number: int, *arguments: int, architecture: int | None = None) -> int:
        padded = [*arguments, 0, 0, 0, 0, 0, 0][:6]
        where = self._architecture if architecture is None else architecture
        return judge(self._program, struct.pack("IIQ6Q", number & 0xFFFFFFFF, where, 0, *padded))

    def call_named(self, name: str, *arguments: int) -> int:
        return self.call({**EVERYDAY, **CALLS}[name][self.column], *arguments)


@pytest.fixture
def kernel(machine: str) -> Kernel:
    return Kernel(machine)


@pytest.mark.parametrize("name", EVERYDAY)
def test_what_programs_cannot_do_without_is_allowed(kernel: Kernel, name: str) -> None:
    assert kernel.call_named(name, 2) == ALLOW


@pytest.mark.parametrize("name", seccomp.REFUSED)
def test_what_the_table_names_is_refused(kernel: Kernel, name: str) -> None:
    number = seccomp.REFUSED[name][kernel.column]
    if isinstance(number, int):
        assert kernel.call(number) == REFUSE


def test_every_known_number_has_a_verdict(kernel: Kernel) -> None:
    verdicts = {number: kernel.call(number, 1) for number in range(600)}
    assert set(verdicts.values()) == {ALLOW, REFUSE, UNKNOWN}
    assert all(verdicts[number] == UNKNOWN for number in range(462, 600))
    assert all(verdicts[number] == UNKNOWN for number in range(335, 424))


@pytest.mark.parametrize("number", [462, 467, 1000, 0x7FFFFFFF, -1, -2])
def test_calls_newer_than_the_table_are_unknown(kernel: Kernel, number: int) -> None:
    assert kernel.call(number) == UNKNOWN


def test_calls_of_the_x32_interface_are_unknown(kernel: Kernel) -> None:
    x32 = 0x40000000
    assert {kernel.call(x32 | number) for number in range(600)} == {UNKNOWN}


@pytest.mark.parametrize("architecture", [0, 0x40000003, 0x40000028, 0xC0000015])
def test_a_call_of_another_architecture_ends_the_process(kernel: Kernel, architecture: int) -> None:
    assert kernel.call(1, architecture=architecture) == KILL


def test_the_two_architectures_do_not_accept_each_other() -> None:
    first, second = MACHINES.values()
    assert Kernel("x86_64").call(1, architecture=second) == KILL
    assert Kernel("aarch64").call(1, architecture=first) == KILL


@pytest.mark.parametrize("flags", [THREAD, FORK, 17, 0x4111])
def test_threads_and_children_can_be_made(kernel: Kernel, flags: int) -> None:
    assert kernel.call_named("clone", flags) == ALLOW


@pytest.mark.parametrize("name", NAMESPACES)
def test_clone_makes_no_namespace(kernel: Kernel, name: str) -> None:
    assert kernel.call_named("clone", NAMESPACES[name]) == REFUSE
    assert kernel.call_named("clone", NAMESPACES[name] | FORK) == REFUSE
    # The kernel ignores the upper half, and so must the filter.
    assert kernel.call_named("clone", NAMESPACES[name] | FORK | 1 << 40) == REFUSE


def test_clone3_is_unknown_so_that_glibc_falls_back_to_clone(kernel: Kernel) -> None:
    assert kernel.call_named("clone3") == UNKNOWN


def test_the_death_signal_stays_as_it_was_set(kernel: Kernel) -> None:
    assert kernel.call_named("prctl", 1, 0) == REFUSE
    assert kernel.call_named("prctl", 1 << 32 | 1, 9) == REFUSE
    assert kernel.call_named("prctl", 15) == ALLOW  # PR_SET_NAME
    assert kernel.call_named("prctl", 2, 1) == ALLOW  # reading it tells nothing


@pytest.mark.parametrize("request_code", [0x5412, 0x541C])
def test_nothing_can_be_typed_into_a_terminal(kernel: Kernel, request_code: int) -> None:
    assert kernel.call_named("ioctl", 0, request_code) == REFUSE
    assert kernel.call_named("ioctl", 0, 1 << 32 | request_code) == REFUSE


def test_other_requests_to_devices_are_allowed(kernel: Kernel) -> None:
    assert kernel.call_named("ioctl", 0x5412, 0x5401) == ALLOW  # TCGETS, on an odd descriptor


@pytest.mark.parametrize("family", [1, 2, 10, 16])
def test_local_and_internet_sockets_can_be_made(kernel: Kernel, family: int) -> None:
    assert kernel.call_named("socket", family, 1, 0) == ALLOW


@pytest.mark.parametrize("family", [38, 40])
def test_sockets_that_no_network_namespace_holds_are_refused(kernel: Kernel, family: int) -> None:
    """AF_VSOCK (40) reaches the hypervisor from any network namespace; AF_ALG (38) the kernel's
    cryptography."""
    assert kernel.call_named("socket", family, 1, 0) != ALLOW


def test_the_program_is_one_that_the_kernel_takes(machine: str) -> None:
    program = seccomp.filter_program(machine)
    code = [struct.unpack_from("HBBI", program, at) for at in range(0, len(program), 8)]
    assert len(program) % 8 == 0
    assert len(code) <= 4096
    assert code[-1][0] == 0x06
    for at, (operation, if_true, if_false, _) in enumerate(code):
        if operation not in (0x06, 0x20):
            assert at + 1 + max(if_true, if_false) < len(code)


def test_no_call_is_named_twice() -> None:
    for column in (0, 1):
        numbers = [pair[column] for pair in seccomp.REFUSED.values() if pair[column] is not None]
        assert len(numbers) == len(set(numbers))

"""The system-call filter, run by a small interpreter of classic BPF instead of by the kernel."""

from __future__ import annotations

import errno
import json
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from lambdad.launcher import seccomp

ALLOW = 0x7FFF0000
KILL = 0x80000000
REFUSE = 0x00050000 | errno.EPERM
UNKNOWN = 0x00050000 | errno.ENOSYS
NO_FAMILY = 0x00050000 | errno.EAFNOSUPPORT
NO_TYPE = 0x00050000 | errno.ESOCKTNOSUPPORT
NO_PROTOCOL = 0x00050000 | errno.EPROTONOSUPPORT

DIRECTORY = Path(seccomp.__file__).parent
LISTS = json.loads((DIRECTORY / "seccomp.json").read_text())
NUMBERS = json.loads((DIRECTORY / "system_call_numbers.json").read_text())["numbers"]
MACHINES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
# (x86-64, arm64): what programs cannot do without, written down a second time.
EVERYDAY = {
    "read": (0, 63), "write": (1, 64), "mmap": (9, 222), "mprotect": (10, 226),
    "socket": (41, 198), "execve": (59, 221), "exit_group": (231, 94), "futex": (202, 98),
    "openat": (257, 56), "prlimit64": (302, 261), "getrandom": (318, 278), "rseq": (334, 293),
    "seccomp": (317, 277), "pidfd_open": (434, 434), "close_range": (436, 436),
    "faccessat2": (439, 439), "futex_waitv": (449, 449),
}  # fmt: skip
# The same of what must never be allowed.
DANGEROUS = {
    "ptrace": (101, 117), "mount": (165, 40), "init_module": (175, 105), "add_key": (248, 217),
    "unshare": (272, 97), "perf_event_open": (298, 241), "open_by_handle_at": (304, 265),
    "setns": (308, 268), "process_vm_writev": (311, 271), "bpf": (321, 280),
    "userfaultfd": (323, 282), "io_uring_setup": (425, 425), "move_mount": (429, 429),
    "pidfd_getfd": (438, 438), "open_tree_attr": (467, 467),
}  # fmt: skip
NAMESPACES = {
    "TIME": 0x80, "NS": 0x20000, "CGROUP": 0x02000000, "UTS": 0x04000000, "IPC": 0x08000000,
    "USER": 0x10000000, "PID": 0x20000000, "NET": 0x40000000,
}  # fmt: skip
THREAD = 0x3D0F00  # the flags with which glibc makes a thread
FORK = 0x01200011
# (family, type) and the protocols that can be had with them, written down a second time.
INTERNET = {0, 1, 6, 17, 58}
SOCKETS = {
    **{(1, kind): INTERNET for kind in (1, 2, 3, 5)},
    **{(family, kind): INTERNET for family in (2, 10) for kind in (1, 2, 3)},
    **{(16, kind): {0} for kind in (1, 2, 3)},
}
# Where each call that makes a file, or changes its mode, has the mode.
MODES = {
    "chmod": 1, "fchmod": 1, "creat": 1, "mknod": 1, "fchmodat": 2, "fchmodat2": 2, "open": 2,
    "mknodat": 2, "openat": 3,
}  # fmt: skip
TYPE_FLAGS = [0, 0x800, 0x80000, 0x80800]  # SOCK_NONBLOCK and SOCK_CLOEXEC


def disassemble(program: bytes) -> seccomp.Code:
    """The instructions of a program."""
    return [struct.unpack_from("HBBI", program, at) for at in range(0, len(program), 8)]


def judge(code: seccomp.Code, packet: bytes) -> tuple[int, int]:
    """What `code` says of the `seccomp_data` in `packet`, and after how many steps."""
    accumulator = at = steps = 0
    while True:
        operation, if_true, if_false, value = code[at]
        at += 1
        steps += 1
        if operation == 0x20:
            (accumulator,) = struct.unpack_from("I", packet, value)
        elif operation == 0x54:
            accumulator &= value
        elif operation == 0x06:
            return int(value), steps
        elif operation == 0x05:
            at += value
        else:
            holds = {
                0x15: accumulator == value,
                0x35: accumulator >= value,
                0x45: bool(accumulator & value),
            }[operation]
            at += if_true if holds else if_false


def numbers_in(named: dict[str, str]) -> list[int]:
    """The numbers of which a list says the names too."""
    return [int(value, 0) for value in named.values()]


def objects(check: dict[str, Any], arguments: Sequence[int]) -> bool:
    """Whether a check of the list refuses these arguments."""
    exempt = check.get("unless", {"argument": 0, "values": {}})
    if arguments[exempt["argument"]] & 0xFFFFFFFF in numbers_in(exempt["values"]):
        return False
    argument = arguments[check["argument"]] & 0xFFFFFFFF
    for bit in numbers_in(check.get("ignore", {})):
        argument &= ~bit
    values = numbers_in(check["values"])
    return {
        "one of": argument in values,
        "all but": argument not in values,
        "any bit of": any(argument & value for value in values),
    }[str(check["refuse"])]


def read_lists(name: str, arguments: Sequence[int]) -> int:
    """What the lists say of a call, read as a person would."""
    if any(name in group["calls"] for group in LISTS["allowed"].values()):
        return ALLOW
    for guard in LISTS["guarded"]:
        if name in guard["calls"]:
            refusals = [c["errno"] for c in guard["checks"] if objects(c, arguments)]
            return 0x00050000 | getattr(errno, refusals[0]) if refusals else ALLOW
    errors = [g["errno"] for g in LISTS["refused"].values() if name in g["calls"]]
    return 0x00050000 | getattr(errno, errors[0]) if errors else REFUSE


class Kernel:
    def __init__(self, machine: str) -> None:
        self.column = list(MACHINES).index(machine)
        self.names = {numbers[self.column]: name for name, numbers in NUMBERS.items()}
        self._architecture = MACHINES[machine]
        self._code = disassemble(seccomp.filter_program(machine))

    def judge(
        self, number: int, *arguments: int, architecture: int | None = None
    ) -> tuple[int, int]:
        padded = [*arguments, 0, 0, 0, 0, 0, 0][:6]
        where = self._architecture if architecture is None else architecture
        return judge(self._code, struct.pack("IIQ6Q", number & 0xFFFFFFFF, where, 0, *padded))

    def call(self, number: int, *arguments: int, architecture: int | None = None) -> int:
        return self.judge(number, *arguments, architecture=architecture)[0]

    def call_named(self, name: str, *arguments: int) -> int:
        return self.call(NUMBERS[name][self.column], *arguments)


KERNELS = {machine: Kernel(machine) for machine in MACHINES}


@pytest.fixture(params=MACHINES)
def machine(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def kernel(machine: str) -> Kernel:
    return KERNELS[machine]


@pytest.mark.parametrize("name", EVERYDAY)
def test_what_programs_cannot_do_without_is_allowed(kernel: Kernel, name: str) -> None:
    assert kernel.call(EVERYDAY[name][kernel.column], 2, 1) == ALLOW


@pytest.mark.parametrize("name", DANGEROUS)
def test_what_has_been_a_way_out_is_refused(kernel: Kernel, name: str) -> None:
    assert kernel.call(DANGEROUS[name][kernel.column]) == REFUSE


def test_the_program_says_of_every_number_what_the_lists_say(kernel: Kernel) -> None:
    for number in range(601):
        name = kernel.names.get(number)
        expected = UNKNOWN if name is None else read_lists(name, [0] * 6)
        assert kernel.call(number) == expected, (number, name)


GUARDED = [name for guard in LISTS["guarded"] for name in guard["calls"]]
ARGUMENT = st.one_of(
    st.integers(0, 300),
    st.integers(0, 63).map(lambda bit: 1 << bit),
    st.sampled_from([0x5401, 0x5412, 0x541C, 0x5423, 0xFFFFFFFF, 1 << 32 | 0x5412, 1 << 32 | 1]),
    st.sampled_from([1, 2, 3, 5, 6, 10, 16]),  # families, types and protocols
    st.tuples(st.integers(0, 15), st.sampled_from(TYPE_FLAGS)).map(sum),
    st.integers(0, 2**64 - 1),
)


@given(
    st.sampled_from(list(MACHINES)),
    st.sampled_from(GUARDED),
    st.lists(ARGUMENT, min_size=6, max_size=6),
)
def test_the_program_judges_arguments_as_the_lists_do(
    machine: str, name: str, arguments: list[int]
) -> None:
    kernel = KERNELS[machine]
    assume(NUMBERS[name][kernel.column] is not None)
    assert kernel.call_named(name, *arguments) == read_lists(name, arguments)


@given(
    st.sampled_from(list(MACHINES)),
    st.integers(0, 2**32 - 1),
    st.lists(ARGUMENT, min_size=6, max_size=6),
)
def test_what_has_no_name_is_unknown(machine: str, number: int, arguments: list[int]) -> None:
    kernel = KERNELS[machine]
    name = kernel.names.get(number)
    expected = UNKNOWN if name is None else read_lists(name, arguments)
    assert kernel.call(number, *arguments) == expected


def test_a_known_call_that_is_on_no_list_is_refused(
    machine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tables = {
        "seccomp.json": {"allowed": {}, "guarded": [], "refused": {}},
        "system_call_numbers.json": {"architectures": list(MACHINES), "numbers": {"x": [3, 4]}},
    }
    monkeypatch.setattr(seccomp, "_data", lambda name: tables[name])
    kernel = Kernel(machine)
    answers = [kernel.call(number) for number in range(10)]
    only = 3 + kernel.column
    assert answers == [REFUSE if number == only else UNKNOWN for number in range(10)]


@pytest.mark.parametrize("number", [472, 500, 1000, 0x7FFFFFFF, -1, -2])
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
    assert KERNELS["x86_64"].call(1, architecture=second) == KILL
    assert KERNELS["aarch64"].call(1, architecture=first) == KILL


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


@pytest.mark.parametrize("mode", [0o4755, 0o2755, 0o6000, 1 << 32 | 0o104755])
def test_no_file_can_be_made_to_lend_its_owners_rights(kernel: Kernel, mode: int) -> None:
    for name, position in MODES.items():
        if NUMBERS[name][kernel.column] is not None:
            arguments = [0] * position
            assert kernel.call_named(name, *arguments, mode) == REFUSE, name
            assert kernel.call_named(name, *arguments, 0o101777) == ALLOW, name
    assert kernel.call_named("openat2") == UNKNOWN  # its mode is out of sight


def test_the_death_signal_stays_as_it_was_set(kernel: Kernel) -> None:
    assert kernel.call_named("prctl", 1, 0) == REFUSE
    assert kernel.call_named("prctl", 1 << 32 | 1, 9) == REFUSE
    assert kernel.call_named("prctl", 15) == ALLOW  # PR_SET_NAME
    assert kernel.call_named("prctl", 2, 1) == ALLOW  # reading it tells nothing


@pytest.mark.parametrize("request_code", [0x5412, 0x541C, 0x5423])
def test_a_terminal_can_be_neither_typed_into_nor_given_a_discipline(
    kernel: Kernel, request_code: int
) -> None:
    assert kernel.call_named("ioctl", 0, request_code) == REFUSE
    assert kernel.call_named("ioctl", 0, 1 << 32 | request_code) == REFUSE


def test_other_requests_to_devices_are_allowed(kernel: Kernel) -> None:
    assert kernel.call_named("ioctl", 0x5412, 0x5401) == ALLOW  # TCGETS, on an odd descriptor


@pytest.mark.parametrize("family", [1, 2, 10, 16])
def test_local_and_internet_sockets_can_be_made(kernel: Kernel, family: int) -> None:
    assert kernel.call_named("socket", family, 1, 0) == ALLOW
    assert kernel.call_named("socketpair", family, 1, 0) == ALLOW


@pytest.mark.parametrize("family", [17, 30, 38, 40])
def test_sockets_of_other_families_are_refused(kernel: Kernel, family: int) -> None:
    """AF_PACKET sees frames; AF_TIPC is a driver that is loaded for the asking; AF_ALG is the
    kernel's cryptography; AF_VSOCK reaches the hypervisor from any network namespace."""
    assert kernel.call_named("socket", family, 1, 0) == NO_FAMILY
    assert kernel.call_named("socketpair", family, 1, 0) == NO_FAMILY


@pytest.mark.parametrize(
    ("family", "protocol"), [(2, 33), (2, 115), (2, 132), (10, 132), (2, 256), (16, 4), (16, 12)]
)
def test_protocols_that_would_be_loaded_for_the_asking_are_refused(
    kernel: Kernel, family: int, protocol: int
) -> None:
    """DCCP, L2TP, SCTP and SMC; netlink's look at all sockets, and its firewall."""
    assert kernel.call_named("socket", family, 1, protocol) == NO_PROTOCOL


@pytest.mark.parametrize("flags", TYPE_FLAGS)
@pytest.mark.parametrize(
    ("family", "kind"), [(2, 10), (2, 6), (10, 6), (2, 5), (10, 5), (16, 5), (1, 4), (1, 10)]
)
def test_types_that_are_another_familys_or_load_a_protocol_are_refused(
    kernel: Kernel, family: int, kind: int, flags: int
) -> None:
    """AF_PACKET by its old name; DCCP and SCTP without naming them; what nobody has."""
    assert kernel.call_named("socket", family, kind | flags, 0) == NO_TYPE
    assert kernel.call_named("socketpair", family, kind | flags | 1 << 40, 0) == NO_TYPE


@pytest.mark.parametrize("flag", [1 << bit for bit in range(4, 32) if 1 << bit not in TYPE_FLAGS])
def test_no_other_flag_of_a_type_is_overlooked(kernel: Kernel, flag: int) -> None:
    assert kernel.call_named("socket", 2, 1 | flag, 0) == NO_TYPE


@pytest.mark.parametrize("protocol", [1, 6, 17, 58])
def test_netlink_has_no_protocol_of_the_internets_number(kernel: Kernel, protocol: int) -> None:
    """6 would be IPsec's."""
    assert kernel.call_named("socket", 16, 3, protocol) == NO_PROTOCOL
    assert kernel.call_named("socket", 1 << 32 | 16, 0x80003, 1 << 32 | protocol) == NO_PROTOCOL


@pytest.mark.slow
@pytest.mark.parametrize("flags", TYPE_FLAGS)
@pytest.mark.parametrize("name", ["socket", "socketpair"])
def test_no_other_combination_makes_a_socket(kernel: Kernel, name: str, flags: int) -> None:
    protocols = [*range(23), 33, 58, 115, 132, 136, 255, 256, 262]
    allowed = {
        (family, kind, protocol)
        for family in range(47)
        for kind in range(16)
        for protocol in protocols
        if kernel.call_named(name, family, kind | flags, protocol) == ALLOW
    }
    assert allowed == {(*key, protocol) for key, those in SOCKETS.items() for protocol in those}


def test_only_the_usual_personality_can_be_had(kernel: Kernel) -> None:
    assert kernel.call_named("personality", 0) == ALLOW
    assert kernel.call_named("personality", 0xFFFFFFFF) == ALLOW  # only asks
    assert kernel.call_named("personality", 0x0040000) == REFUSE  # ADDR_NO_RANDOMIZE
    assert kernel.call_named("personality", 0x0400000) == REFUSE  # READ_IMPLIES_EXEC


def test_the_program_is_one_that_the_kernel_takes(machine: str) -> None:
    program = seccomp.filter_program(machine)
    code = disassemble(program)
    assert len(program) % 8 == 0
    assert len(code) <= 4096
    assert code[-1][0] == 0x06
    for at, (operation, if_true, if_false, value) in enumerate(code):
        farthest = value if operation == 0x05 else max(if_true, if_false)
        if operation not in (0x06, 0x20, 0x54):
            assert at + 1 + farthest < len(code)


def test_a_tree_too_large_for_a_conditional_jump_is_still_searched() -> None:
    """The list may grow: beyond 255 instructions a jump needs a second one."""
    runs = [(number, seccomp._error("EPERM" if number % 2 else "EIO")) for number in range(600)]
    code = [(0x20, 0, 0, 0), *seccomp._search(runs)]
    assert 0x05 in {operation for operation, *_ in code}
    for number in range(700):
        is_odd = min(number, 599) % 2
        expected = 0x00050000 | (errno.EPERM if is_odd else errno.EIO)
        assert judge(code, struct.pack("IIQ6Q", number, *[0] * 8))[0] == expected


def test_an_answer_takes_few_steps(kernel: Kernel) -> None:
    assert max(kernel.judge(number)[1] for number in range(600)) <= 20

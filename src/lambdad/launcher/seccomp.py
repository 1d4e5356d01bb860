"""The system-call filter of a sandbox, assembled as classic BPF.

Its manner is an allow-list by number: the calls that this table knows as of Linux 6.8 are allowed
unless they are named below; a newer one is answered ENOSYS, so that a kernel's new surface is
never reachable before somebody has looked at it. What is refused is refused with EPERM.
"""

from __future__ import annotations

import errno
import struct
from typing import Dict, List, Tuple

# name: (x86-64, arm64); None where the architecture lacks the call.
REFUSED: Dict[str, Tuple[object, object]] = {
    # mounts and roots: the file system was made for the sandbox and stays as it is
    "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41), "chroot": (161, 51),
    "open_tree": (428, 428), "move_mount": (429, 429), "fsopen": (430, 430),
    "fsconfig": (431, 431), "fsmount": (432, 432), "fspick": (433, 433),
    "mount_setattr": (442, 442), "statmount": (457, 457), "listmount": (458, 458),
    "quotactl": (179, 60), "quotactl_fd": (443, 443), "swapon": (167, 224), "swapoff": (168, 225),
    "name_to_handle_at": (303, 264), "open_by_handle_at": (304, 265),
    # namespaces
    "unshare": (272, 97), "setns": (308, 268),
    # the kernel itself
    "reboot": (169, 142), "kexec_load": (246, 104), "kexec_file_load": (320, 294),
    "init_module": (175, 105), "finit_module": (313, 273), "delete_module": (176, 106),
    "create_module": (174, None), "get_kernel_syms": (177, None), "query_module": (178, None),
    "syslog": (103, 116), "acct": (163, 89), "nfsservctl": (180, 42), "_sysctl": (156, None),
    "bpf": (321, 280), "perf_event_open": (298, 241), "lookup_dcookie": (212, 18),
    "fanotify_init": (300, 262), "uselib": (134, None), "ustat": (136, None), "sysfs": (139, None),
    "vhangup": (153, 58), "iopl": (172, None), "ioperm": (173, None), "modify_ldt": (154, None),
    "io_uring_setup": (425, 425), "io_uring_enter": (426, 426), "io_uring_register": (427, 427),
    "userfaultfd": (323, 282),
    # clocks and names of the machine
    "settimeofday": (164, 170), "clock_settime": (227, 112), "adjtimex": (159, 171),
    "clock_adjtime": (305, 266), "sethostname": (170, 161), "setdomainname": (171, 162),
    # other processes, keys, placement
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271),
    "process_madvise": (440, 440), "pidfd_getfd": (438, 438), "kcmp": (312, 272),
    "add_key": (248, 217), "request_key": (249, 218), "keyctl": (250, 219),
    "move_pages": (279, 239), "migrate_pages": (256, 238), "mbind": (237, 235),
    "set_mempolicy": (238, 237), "set_mempolicy_home_node": (450, 450),
    "personality": (135, 92),
}  # fmt: skip

# The highest number of a call that this table has judged (lsm_list_modules, Linux 6.8); between
# the old calls and 424 neither architecture has any.
_LAST_KNOWN = 461
_LAST_OLD = {"x86_64": 334, "aarch64": 294}
_FIRST_NEW = 424

_ARCHITECTURE = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_CLONE = {"x86_64": 56, "aarch64": 220}
_PRCTL = {"x86_64": 157, "aarch64": 167}
_IOCTL = {"x86_64": 16, "aarch64": 29}
_SOCKET = {"x86_64": 41, "aarch64": 198}
_CLONE3 = 435
_NAMESPACE_FLAGS = 0x7E020080  # every CLONE_NEW*
_PR_SET_PDEATHSIG = 1
# Unix, IPv4, IPv6, netlink (which getaddrinfo asks). Others are not bound to a network namespace:
# AF_VSOCK reaches the hypervisor, AF_ALG the kernel's cryptography.
_SOCKET_FAMILIES = (1, 2, 10, 16)
_TIOCSTI = 0x5412
_TIOCLINUX = 0x541C

_LOAD, _JEQ, _JGT, _JGE, _JSET, _RETURN = 0x20, 0x15, 0x25, 0x35, 0x45, 0x06
_OFFSET_NUMBER, _OFFSET_ARCHITECTURE, _OFFSET_ARGUMENTS = 0, 4, 16

_ALLOW = 0x7FFF0000
_KILL = 0x80000000
_EPERM = 0x00050000 | errno.EPERM
_EAFNOSUPPORT = 0x00050000 | errno.EAFNOSUPPORT
_ENOSYS = 0x00050000 | errno.ENOSYS

Instruction = Tuple[int, int, int, int]


def _return(value: int) -> Instruction:
    return (_RETURN, 0, 0, value)


def _load(offset: int) -> Instruction:
    return (_LOAD, 0, 0, offset)


def _argument_guard(
    number: int, argument: int, tests: List[Tuple[int, int, int]], otherwise: int = _ALLOW
) -> List[Instruction]:
    """Judge call `number` by the low half of one argument: the first of `tests` that holds answers
    with its value; when none does, `otherwise` is the answer."""
    body: List[Instruction] = [_load(_OFFSET_ARGUMENTS + 8 * argument)]
    for operation, value, answer in tests:
        body += [(operation, 0, 1, value), _return(answer)]
    body.append(_return(otherwise))
    return [(_JEQ, 0, len(body), number), *body]


def filter_program(machine: str) -> bytes:
    """The BPF program for `machine` (`x86_64` or `aarch64`)."""
    column = 0 if machine == "x86_64" else 1
    refused = sorted(n for pair in REFUSED.values() if isinstance(n := pair[column], int))
    program: List[Instruction] = [
        _load(_OFFSET_ARCHITECTURE),
        (_JEQ, 1, 0, _ARCHITECTURE[machine]),
        _return(_KILL),
        _load(_OFFSET_NUMBER),
        (_JGT, 0, 1, _LAST_KNOWN),  # also every x32 call, whose numbers have bit 30 set
        _return(_ENOSYS),
        (_JGT, 0, 2, _LAST_OLD[machine]),
        (_JGE, 1, 0, _FIRST_NEW),
        _return(_ENOSYS),
        (_JEQ, 0, 1, _CLONE3),  # its flags lie in memory, where BPF cannot look: glibc falls back
        _return(_ENOSYS),
    ]
    for number in refused:
        program += [(_JEQ, 0, 1, number), _return(_EPERM)]
    program += _argument_guard(_CLONE[machine], 0, [(_JSET, _NAMESPACE_FLAGS, _EPERM)])
    program += _argument_guard(_PRCTL[machine], 0, [(_JEQ, _PR_SET_PDEATHSIG, _EPERM)])
    program += _argument_guard(
        _IOCTL[machine], 1, [(_JEQ, _TIOCSTI, _EPERM), (_JEQ, _TIOCLINUX, _EPERM)]
    )
    families = [(_JEQ, family, _ALLOW) for family in _SOCKET_FAMILIES]
    program += _argument_guard(_SOCKET[machine], 0, families, otherwise=_EAFNOSUPPORT)
    program.append(_return(_ALLOW))
    return b"".join(struct.pack("HBBI", *instruction) for instruction in program)

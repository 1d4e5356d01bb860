"""What each sandbox claims to stop, and the tests that attack it.

README.md and SECURITY.md print these claims; `test_claims` holds the three together.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Claim(Enum):
    """Whether something is stopped."""

    STOPPED = "stopped"
    SOFTLY = "softly"  # later, or in part: see SECURITY.md
    NOT = "—"


@dataclass(frozen=True)
class Attempt:
    """Something that a function may try."""

    what: str
    stopped_by: str
    tests: tuple[str, ...]
    without_root: Claim = Claim.STOPPED

    namespaces = Claim.STOPPED
    process = Claim.NOT


ATTEMPTS = (
    Attempt(
        "see or signal other processes",
        "PID namespace, a user id per environment",
        ("test_neighbours", "test_every_start"),
    ),
    Attempt(
        "read or write the host's files",
        "a root of its own, made of read-only pieces of the host; own /tmp of limited size",
        ("test_file_system", "test_operator"),
    ),
    Attempt(
        "change its own code",
        "/var/task and /opt are read-only mounts, nosuid and nodev",
        ("test_file_system", "test_every_start"),
    ),
    Attempt(
        "use the network, or sockets of the host",
        "network namespace with loopback only, unless the operator sets `--egress`; the server's "
        "AWS endpoint is handed in as a socket",
        ("test_neighbours", "test_operator"),
    ),
    Attempt(
        "act as another account, region or role",
        "its endpoint is tied to its environment, whatever it signs with",
        ("test_endpoint", "test_neighbours"),
    ),
    Attempt(
        "have the API hand it files of the host",
        "directories that the operator lists, none by default; never at a function's own request",
        ("test_endpoint", "test_host_directories"),
    ),
    Attempt(
        "get out of a directory of the host that it has",
        "no link is followed on the way there; nosuid, nodev; and read-only, when it is code",
        ("test_host_directories",),
    ),
    Attempt(
        "leave a program behind that lends its owner's rights",
        "the system-call filter refuses such modes",
        ("test_host_directories", "test_privileges"),
    ),
    Attempt(
        "gain rights",
        "no capabilities, no_new_privs",
        ("test_privileges", "test_every_start"),
    ),
    Attempt(
        "make namespaces, mounts, load BPF, use io_uring, ptrace, keys",
        "the system-call filter, an allow-list: "
        "[what is on it and why](src/lambdad/launcher/seccomp.json)",
        ("test_privileges", "test_every_start", "test_system_calls"),
    ),
    Attempt(
        "reach what a newer kernel adds",
        "calls that the list does not know do not exist",
        ("test_system_calls",),
    ),
    Attempt(
        "have the kernel load drivers of sockets and terminals",
        "only Unix, IPv4, IPv6 and netlink's routes; TCP, UDP, ICMP; no line disciplines",
        ("test_privileges", "test_system_calls"),
    ),
    Attempt(
        "find what others left in memory, files or variables",
        "what is forked has never seen any of it; /tmp ends with its environment",
        ("test_residue", "test_neighbours"),
    ),
    Attempt(
        "find secrets of who runs the server",
        "no variable, descriptor or memory of the launcher's is inherited",
        ("test_operator", "test_every_start"),
    ),
    Attempt(
        "outlive a crash, its invocation or the server",
        "everything is killed with its PID namespace; only /tmp and the network namespace stay",
        ("test_reset", "test_limits"),
    ),
    Attempt(
        "get out by a package: paths, links, devices, set-user-id bits, bombs",
        "names, links and sizes are checked before anything is unpacked, by a user without rights",
        ("test_packages",),
    ),
    Attempt(
        "exhaust processes, descriptors, files or /tmp",
        "limits on each; AWS's where AWS has one",
        ("test_limits", "test_floods", "test_file_system"),
    ),
    Attempt(
        "exhaust memory",
        "cgroups; an environment that exceeds its memory is killed as a whole",
        ("test_limits", "test_limits_without_root"),
        Claim.SOFTLY,
    ),
    Attempt(
        "take more of the CPU than its memory buys",
        "cgroups",
        ("test_limits",),
        Claim.NOT,
    ),
    Attempt(
        "silence others by a flood of output, forks or connections",
        "everybody has a turn; connections, lines and bytes per turn are limited",
        ("test_floods", "test_endpoint"),
        Claim.SOFTLY,
    ),
    Attempt(
        "stall or confuse the Runtime API",
        "requests are bounded, only the event's own id counts, the function's time limit holds",
        ("test_runtime_api", "test_stream_abuse"),
    ),
    Attempt(
        "win much by taking the node over",
        "the node has a user id of its own, no capability and nothing to write but its directory",
        ("test_node",),
    ),
)


def readme_table() -> str:
    """What is claimed, in the words of README.md."""
    head = ("What a function may try", "`namespaces` as root", "without root", "`process`")
    rows = [f"| {' | '.join(head)} | Attacked in |", "|---|---|---|---|---|"]
    for each in ATTEMPTS:
        claims = (each.namespaces, each.without_root, each.process)
        words = " | ".join(claim.value for claim in claims)
        rows.append(f"| {each.what} | {words} | {', '.join(map(_named, each.tests))} |")
    return "\n".join(rows)


def security_table() -> str:
    """What stops it, in the words of SECURITY.md."""
    rows = ["| Attempt of a function | Stopped by |", "|---|---|"]
    rows += [f"| {each.what} | {each.stopped_by} |" for each in ATTEMPTS]
    return "\n".join(rows)


def _named(test: str) -> str:
    return test.removeprefix("test_").replace("_", " ")

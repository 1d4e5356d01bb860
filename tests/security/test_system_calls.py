"""The filter in the kernel: what is refused is, and real programs do not notice it.

No sandbox but the filter: each test runs a program in a child that has put it on.
"""

from __future__ import annotations

import errno
import json
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lambdad.launcher import seccomp

DIRECTORY = Path(seccomp.__file__).parent
LISTS = json.loads((DIRECTORY / "seccomp.json").read_text())
TABLE = json.loads((DIRECTORY / "system_call_numbers.json").read_text())
MACHINE = platform.machine()

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        sys.platform != "linux" or MACHINE not in TABLE["architectures"],
        reason="the filter is for Linux on x86-64 and arm64",
    ),
]

ENTER = """
import os, platform, sys
from lambdad.launcher import seccomp, syscalls
syscalls.no_new_privileges()
syscalls.seccomp_filter(seccomp.filter_program(platform.machine()))
os.execvp(sys.argv[1], sys.argv[1:])
"""
# Makes the calls of argv[1] as an ordinary user, so that a hole in the filter harms nobody.
CALL = """
import ctypes, json, os, sys
if os.getuid() == 0:
    os.setgroups([]), os.setresgid(65534, 65534, 65534), os.setresuid(65534, 65534, 65534)
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
buffer = ctypes.create_string_buffer(4096)
def call(number, *arguments):
    wrapped = [buffer if a == "buffer" else a.encode() if isinstance(a, str) else ctypes.c_long(a)
               for a in arguments]
    ctypes.set_errno(0)
    result = libc.syscall(ctypes.c_long(number), *wrapped)
    return ctypes.get_errno() if result == -1 else 0
assert "Seccomp:\\t2" in open("/proc/self/status").read(), "there is no filter"
print(json.dumps([call(*words) for words in json.loads(sys.argv[1])]))
"""


def run_filtered(*command: str, cwd: Path | None = None) -> str:
    """What a program prints that runs behind the filter and succeeds."""
    finished = subprocess.run(
        [sys.executable, "-c", ENTER, *command],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=100, cwd=cwd,
    )  # fmt: skip
    assert finished.returncode == 0, f"{command}: {finished.returncode}\n{finished.stderr}"
    return finished.stdout


def number(name: str) -> int | None:
    """The number of a call on this machine."""
    found: int | None = TABLE["numbers"][name][TABLE["architectures"].index(MACHINE)]
    return found


def errors_of(calls: list[tuple[Any, ...]]) -> list[int]:
    """The errors of (name, argument, …) behind the filter; 0 for what was done."""
    numbered = [(number(name), *arguments) for name, *arguments in calls]
    found: list[int] = json.loads(run_filtered(sys.executable, "-c", CALL, json.dumps(numbered)))
    return found


def program(name: str) -> str:
    """Where a program is; where it is not, there is nothing to test."""
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"{name} is not installed")
    return path


@pytest.mark.parametrize("group", LISTS["refused"])
def test_every_refused_call_has_the_error_of_its_group(group: str) -> None:
    refused = LISTS["refused"][group]
    names = [name for name in refused["calls"] if number(name) is not None]
    if not names:
        pytest.skip(f"{MACHINE} has none of these calls")
    expected = getattr(errno, refused["errno"])
    found = errors_of([(name, 0, 0, 0, 0, 0, 0) for name in names])
    assert dict(zip(names, found, strict=True)) == dict.fromkeys(names, expected)


NEW_USER, SIGCHLD = 0x10000000, 17
# What an ordinary user may do on most machines, and a function may not.
ATTACKS = [
    (errno.EPERM, "unshare", NEW_USER),
    (errno.EPERM, "clone", NEW_USER | SIGCHLD, 0, 0, 0, 0),
    (errno.ENOSYS, "clone3", "buffer", 88),
    (errno.EPERM, "ptrace", 0, 0, 0, 0),  # PTRACE_TRACEME
    (errno.EPERM, "process_vm_readv", os.getpid(), "buffer", 1, "buffer", 1, 0),
    (errno.EPERM, "kcmp", 1, 1, 0, 0, 0),
    (errno.EPERM, "keyctl", 0, -3, 1),  # a keyring of one's own
    (errno.EPERM, "add_key", "user", "name", "value", 5, -3),
    (errno.EPERM, "io_uring_setup", 8, "buffer"),
    (errno.EPERM, "userfaultfd", 1),
    (errno.EPERM, "perf_event_open", "buffer", 0, -1, -1, 0),
    (errno.EPERM, "bpf", 0, "buffer", 128),
    (errno.EPERM, "name_to_handle_at", -100, "/", "buffer", "buffer", 0),
    (errno.EPERM, "fanotify_init", 0x200, 0),  # reporting by file handle needs no capability
    (errno.EPERM, "fsopen", "tmpfs", 0),
    (errno.EPERM, "personality", 0x0040000),
    (errno.EPERM, "prctl", 1, 0, 0, 0, 0),
    (errno.EPERM, "ioctl", 0, 0x5412, "buffer"),
    (errno.EAFNOSUPPORT, "socket", 40, 1, 0),
    (errno.EAFNOSUPPORT, "socket", 38, 5, 0),
    (errno.EAFNOSUPPORT, "socketpair", 30, 1, 0, "buffer"),
    (errno.EPROTONOSUPPORT, "socket", 2, 1, 132),
    (errno.EPROTONOSUPPORT, "socket", 16, 3, 12),
    (errno.EPROTONOSUPPORT, "socket", 16, 3, 6),  # NETLINK_XFRM, by the number of TCP
    (errno.ESOCKTNOSUPPORT, "socket", 2, 10, 0),  # SOCK_PACKET: AF_PACKET by its old name
    (errno.ESOCKTNOSUPPORT, "socket", 2, 6, 0),  # SOCK_DCCP
    (errno.ESOCKTNOSUPPORT, "socket", 2, 5, 0),  # SOCK_SEQPACKET: SCTP
    (errno.ESOCKTNOSUPPORT, "socket", 2, 0x80000 | 10, 0),
]


def test_what_an_ordinary_user_could_do_is_refused_to_a_function() -> None:
    found = errors_of([(name, *arguments) for _, name, *arguments in ATTACKS])
    assert found == [expected for expected, *_ in ATTACKS]


def test_a_call_of_tomorrow_and_one_of_x32_are_unknown() -> None:
    calls = [[500], [1000], [0x40000000 | 39]]
    answer = run_filtered(sys.executable, "-c", CALL, json.dumps(calls))
    assert json.loads(answer) == [errno.ENOSYS] * 3


ORDINARY = [
    ("getpid",), ("gettid",), ("getrandom", "buffer", 16, 0), ("eventfd2", 0, 0),
    ("epoll_create1", 0), ("timerfd_create", 1, 0), ("inotify_init1", 0), ("pipe2", "buffer", 0),
    ("memfd_create", "x", 0), ("membarrier", 0, 0, 0), ("personality", 0xFFFFFFFF),
    ("personality", 0), ("prctl", 3, 0, 0, 0, 0), ("socket", 1, 1, 0), ("socket", 2, 2, 17),
    ("socket", 16, 3, 0), ("socketpair", 1, 1, 0, "buffer"), ("sched_yield",),
    ("sched_getaffinity", 0, 128, "buffer"), ("statx", -100, "/", 0, 0, "buffer"),
    ("pidfd_open", os.getpid(), 0), ("close_range", 100, 200, 0), ("clock_getres", 1, "buffer"),
]  # fmt: skip


def test_ordinary_calls_are_done() -> None:
    found = errors_of(ORDINARY)
    assert [call for call, error in zip(ORDINARY, found, strict=True) if error] == []


# (family, type, protocol); Unix's pairs can be had with each of its types.
UNIX = [(1, kind, 0) for kind in (1, 2, 3, 5)]
INTERNET = [(2, 1, 0), (2, 1, 6), (2, 2, 0), (2, 2, 17)]
INTERNET_6 = [(10, *rest) for _, *rest in INTERNET] if Path("/proc/net/if_inet6").exists() else []
NETLINK = [(16, 2, 0), (16, 3, 0)]
TYPE_FLAGS = [0, 0x800, 0x80000, 0x80800]  # SOCK_NONBLOCK and SOCK_CLOEXEC


@pytest.mark.parametrize("flags", TYPE_FLAGS)
def test_usual_sockets_can_be_made(flags: int) -> None:
    calls: list[tuple[Any, ...]] = [
        ("socket", family, kind | flags, protocol)
        for family, kind, protocol in [*UNIX, *INTERNET, *INTERNET_6, *NETLINK]
    ]
    calls += [("socketpair", 1, kind | flags, 0, "buffer") for _, kind, _ in UNIX]
    found = errors_of(calls)
    assert [call for call, error in zip(calls, found, strict=True) if error] == []


@pytest.mark.parametrize("flags", TYPE_FLAGS)
def test_who_may_ping_is_for_the_kernel_to_say(flags: int) -> None:
    """By net.ipv4.ping_group_range, and for raw sockets by a capability."""
    pings = [(2, 1), (10, 58)] if INTERNET_6 else [(2, 1)]
    assert set(errors_of([("socket", f, 2 | flags, p) for f, p in pings])) <= {0, errno.EACCES}
    assert set(errors_of([("socket", f, 3 | flags, p) for f, p in pings])) == {errno.EPERM}


def test_shared_memory_semaphores_and_queues_are_looked_for() -> None:
    """And not found: nothing must stay behind in this machine's namespace."""
    key = 0x6C616D62
    calls = [("shmget", key, 1, 0), ("semget", key, 1, 0), ("msgget", key, 0)]
    assert errors_of([*calls, ("mq_open", "lambdad-nothing", 0, 0, 0)]) == [errno.ENOENT] * 4


def test_a_function_may_restrict_itself() -> None:
    assert errors_of([("seccomp", 1, 0, 0)]) == [errno.EFAULT]  # a filter at address 0
    (landlock,) = errors_of([("landlock_create_ruleset", 0, 0, 1)])
    assert landlock in (0, errno.ENOSYS, errno.EOPNOTSUPP)  # and the kernel has it, or not


PYTHON = """
import asyncio, concurrent.futures, multiprocessing, os, shutil, socket, ssl, subprocess, sys
import tempfile, threading, time

def square(number):
    return number * number

async def ask():
    server = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0)
    reader, _ = await asyncio.open_connection(*server.sockets[0].getsockname())
    assert await reader.read() == b""
    server.close()
    shell = await asyncio.create_subprocess_shell("echo $((6 * 7))", stdout=-1)
    return (await shell.communicate())[0]

if __name__ == "__main__":
    with concurrent.futures.ThreadPoolExecutor(4) as threads:
        assert list(threads.map(square, range(3))) == [0, 1, 4]
    for method in ("fork", "spawn", "forkserver"):
        context = multiprocessing.get_context(method)
        lock = context.Lock()
        with lock, context.Pool(2) as pool:
            assert pool.map(square, range(3)) == [0, 1, 4]
    assert subprocess.check_output(["echo", "x"], preexec_fn=os.setsid) == b"x\\n"
    assert subprocess.check_output(["echo", "x"], close_fds=False) == b"x\\n"
    assert asyncio.run(ask()) == b"42\\n"
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "a")
        with open(path, "wb") as file:
            file.write(os.urandom(1 << 20))
        shutil.copy2(path, path + "2")
        shutil.make_archive(path, "gztar", directory)
    assert socket.getaddrinfo("localhost", 80)
    ssl.create_default_context()
    print("done")
"""
NODE = """
const { Worker, isMainThread, parentPort } = require("worker_threads");
if (!isMainThread) { parentPort.postMessage(1); } else {
  const fs = require("fs"), http = require("http");
  const { execFileSync } = require("child_process");
  const worker = new Worker(__filename);
  worker.on("message", () => fs.promises.readFile(__filename).then(() => {
    const server = http.createServer((_, response) => response.end("x")).listen(0, "127.0.0.1");
    server.on("listening", () => http.get({ port: server.address().port }, (response) => {
      require("crypto").pbkdf2Sync("a", "b", 1000, 32, "sha256");
      console.log(execFileSync("echo", ["done"]).toString().trim());
      process.exit(response.statusCode - 200);
    }));
  }));
}
"""
JAVA = """
import java.nio.channels.FileChannel;
import java.nio.file.*;
import java.util.stream.IntStream;

public class Tiny {
    public static void main(String[] words) throws Exception {
        Thread thread = new Thread(() -> System.gc());
        thread.start();
        thread.join();
        if (IntStream.range(0, 1000).parallel().sum() != 499500) throw new Exception();
        Path path = Files.createTempFile("tiny", "x");
        Files.copy(path, path.resolveSibling(path.getFileName() + "2"));
        Files.delete(path.resolveSibling(path.getFileName() + "2"));
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
            channel.lock(0, 1, true);
        }
        Files.delete(path);
        Process process = new ProcessBuilder("echo", "done").inheritIO().start();
        if (process.waitFor() != 0) throw new Exception();
    }
}
"""
BASH = """
set -euo pipefail
cat <<< "$(seq 3 | sort -r | head -1)" | grep -q 3
(sleep 0.01 & wait)
exec 3< <(echo done); read -r word <&3
trap 'echo "$word"' EXIT
"""
PERL = """
use Socket;
socketpair(my $one, my $two, AF_UNIX, SOCK_STREAM, PF_UNSPEC) or die;
my $child = fork();
if (!$child) { syswrite($two, "done\\n"); exit 0; }
close $two; waitpid($child, 0);
print <$one>;
"""
RUBY = """
Thread.new { GC.start }.join
reader, writer = IO.pipe
pid = fork { writer.puts `echo done` }
Process.wait(pid); writer.close
print reader.read
"""


SOCKETS = """
import socket, struct

for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_SEQPACKET):
    one, two = socket.socketpair(socket.AF_UNIX, kind)
    with one, two:
        one.send(b"x")
        assert two.recv(2) == b"x"
for kind in (socket.SOCK_STREAM, socket.SOCK_SEQPACKET):
    server, client = socket.socket(socket.AF_UNIX, kind), socket.socket(socket.AF_UNIX, kind)
    with server, client:
        server.bind("")
        server.listen()
        client.connect(server.getsockname())
with socket.create_server(("127.0.0.1", 0)) as server:
    socket.create_connection(server.getsockname(), 10).close()
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
    one.bind(("127.0.0.1", 0))
    one.sendto(b"x", one.getsockname())
    assert one.recv(2) == b"x"
for flags in (0, socket.AI_ADDRCONFIG):
    assert socket.getaddrinfo("127.0.0.1", 80, flags=flags)
assert socket.getaddrinfo("localhost", "80")
assert "lo" in [name for _, name in socket.if_nameindex()]
for kind in (socket.SOCK_RAW, socket.SOCK_DGRAM):
    with socket.socket(socket.AF_NETLINK, kind) as routes:
        routes.bind((0, 0))
        routes.send(struct.pack("=IHHIIB3x", 20, 18, 0x301, 1, 0, 0))  # RTM_GETLINK, all of them
        assert b"lo\\0" in routes.recv(1 << 16)
print("done")
"""


def test_sockets_do_their_work(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(SOCKETS)
    assert run_filtered(sys.executable, "app.py", cwd=tmp_path) == "done\n"


def test_ip_shows_addresses() -> None:
    assert "lo" in run_filtered(program("ip"), "addr")


def test_python_runs(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(PYTHON)
    assert run_filtered(sys.executable, "app.py", cwd=tmp_path) == "done\n"


def test_node_runs(tmp_path: Path) -> None:
    node = program("node")
    (tmp_path / "app.js").write_text(NODE)
    assert run_filtered(node, "app.js", cwd=tmp_path) == "done\n"


def test_java_compiles_and_runs(tmp_path: Path) -> None:
    java, javac = program("java"), program("javac")
    (tmp_path / "Tiny.java").write_text(JAVA)
    run_filtered(javac, "Tiny.java", cwd=tmp_path)
    assert run_filtered(java, "Tiny", cwd=tmp_path) == "done\n"


def test_git_makes_a_commit(tmp_path: Path) -> None:
    git = program("git")
    assert "git version" in run_filtered(git, "--version")
    run_filtered(git, "init", "-q", cwd=tmp_path)
    who = ("-c", "user.name=x", "-c", "user.email=x@example.com")
    run_filtered(git, *who, "commit", "-q", "--allow-empty", "-m", "x", cwd=tmp_path)
    run_filtered(git, "gc", "-q", cwd=tmp_path)


@pytest.mark.parametrize(
    ("name", "option", "source"),
    [("bash", "-c", BASH), ("perl", "-e", PERL), ("ruby", "-e", RUBY)],
    ids=["bash", "perl", "ruby"],
)
def test_a_script_runs(name: str, option: str, source: str) -> None:
    assert run_filtered(program(name), option, source) == "done\n"


def test_archives_are_packed_and_unpacked(tmp_path: Path) -> None:
    tar = program("tar")
    (tmp_path / "file").write_text("x")
    run_filtered(tar, "-czf", "a.tgz", "file", cwd=tmp_path)
    (tmp_path / "file").unlink()
    run_filtered(tar, "-xpzf", "a.tgz", cwd=tmp_path)
    assert (tmp_path / "file").read_text() == "x"

"""As an operator I know that an event that was answered with 202 is on disk: the kernel says so."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

import pytest

from lambdad.testing.server import LocalServer
from support.functions import DeployedFunction
from support.processes import node_of
from support.system_calls import TRACED, read_calls, why_not_durable
from support.waiting import wait_until

LOG, ACCEPTED = "/state.db-wal", "HTTP/1.1 202"
EVENTS = 5
PAGE = 8192  # bytes of each call that are shown: more than a page of the database

# As it was recorded: one event, whose call to force it was interrupted by another thread's.
RECORDED = r"""
901 pwrite64(9</d/node/state.db-wal>, "7\177\6\202\0-\342\30", 24, 4152) = 24
901 pwrite64(9</d/node/state.db-wal>, "\r\0\0\0\1{\"n\": \"marker-0\"}", 4096, 4176) = 4096
901 fdatasync(9</d/node/state.db-wal> <unfinished ...>
900 write(12<pipe:[77]>, "\1", 1) = 1
901 <... fdatasync resumed>) = 0
901 write(5<anon_inode:[eventfd]>, "\1\0\0\0\0\0\0\0", 8) = 8
900 sendto(21<TCP:[127.0.0.1:4566->127.0.0.1:40000]>, "HTTP/1.1 202 Accepted\r\nx-amzn-requestid: id-0\r\n", 160, 0, NULL, 0) = 160
""".strip().splitlines()  # noqa: E501 - as it was recorded


def verdict(lines: list[str], count: int = 1) -> str:
    answers = {f"marker-{n}": f"id-{n}" for n in range(count)}
    return why_not_durable(read_calls(lines), answers, LOG, ACCEPTED)


def without(word: str) -> list[str]:
    return [line for line in RECORDED if word not in line]


def moved(word: str, to: int) -> list[str]:
    """The trace with the lines of `word` at another place."""
    rest = without(word)
    return rest[:to] + [line for line in RECORDED if word in line] + rest[to:]


def test_a_trace_in_which_an_event_is_forced_to_the_disk_proves_it() -> None:
    assert verdict(RECORDED) == ""


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (without("fdatasync"), "marker-0 was answered before it was forced to the disk"),
        (without("resumed"), "marker-0 was answered before it was forced to the disk"),
        (moved("fdatasync", 0), "marker-0 was answered before it was forced to the disk"),
        (moved("fdatasync", 5), "marker-0 was answered before it was forced to the disk"),
        (moved("resumed", 6), "marker-0 was answered before it was forced to the disk"),
        (moved("sendto", 0), "marker-0 was answered before it was written"),
        (without("marker-0"), "marker-0 was answered before it was written"),
        (without("sendto"), "0 answers to marker-0"),
        (
            [
                line.replace("resumed>) = 0", "resumed>) = -1 EIO (Input/output)")
                for line in RECORDED
            ],
            "marker-0 was answered before it was forced to the disk",
        ),
        (
            [line.replace("fdatasync(9<", "fdatasync(8<") for line in RECORDED],
            "marker-0 was answered before it was forced to the disk",
        ),
    ],
)
def test_a_trace_in_which_something_is_missing_proves_nothing(
    lines: list[str], reason: str
) -> None:
    assert verdict(lines) == reason


def test_what_forces_one_event_is_no_proof_for_the_next() -> None:
    def second(lines: list[str]) -> list[str]:
        return [line.replace("marker-0", "marker-1").replace("id-0", "id-1") for line in lines]

    assert verdict(RECORDED + second(RECORDED), 2) == ""
    reason = "marker-1 was answered before it was forced to the disk"
    assert verdict(RECORDED + second(without("fdatasync")), 2) == reason


@contextmanager
def traced(server: LocalServer, output: Path) -> Iterator[None]:
    """Every thread of the server's node is traced."""
    if shutil.which("strace") is None:
        pytest.fail("strace is missing") if os.environ.get("CI") else pytest.skip("no strace")
    pid = node_of(server).pid
    command = ["strace", "-f", "-y", "-s", str(PAGE), "-e", "signal=none"]
    command += ["-e", f"trace={','.join(TRACED)}", "-o", str(output), "-p", str(pid)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as strace:
        try:
            wait_until(lambda: all(_is_traced(task) for task in _tasks(pid)), "it is traced")
            yield
        finally:
            strace.send_signal(signal.SIGINT)
            _, said = strace.communicate(timeout=20)
    assert "attached" in said, said


def _tasks(pid: int) -> list[Path]:
    return list(Path(f"/proc/{pid}/task").iterdir())


def _is_traced(task: Path) -> bool:
    return "\nTracerPid:\t0\n" not in (task / "status").read_text()


@pytest.mark.slow
@pytest.mark.root
def test_every_event_is_forced_to_the_disk_before_it_is_acknowledged(
    start_server: Callable[..., LocalServer],
    make_function: Callable[..., DeployedFunction],
    tmp_path: Path,
) -> None:
    server = start_server()
    function = make_function("echo", on=server)
    answers = {}

    with traced(server, tmp_path / "trace"):
        connection = HTTPConnection(server.url.removeprefix("http://"), timeout=60)
        for number in range(EVENTS):
            marker = f"marker-{number}-{os.urandom(8).hex()}"
            connection.request(
                "POST",
                f"/2015-03-31/functions/{function.name}/invocations",
                body=f'{{"n": "{marker}"}}',
                headers={"X-Amz-Invocation-Type": "Event"},
            )
            answer = connection.getresponse()
            answer.read()
            assert answer.status == 202
            answers[marker] = answer.headers["x-amzn-RequestId"]
        connection.close()

    lines = (tmp_path / "trace").read_text(errors="replace").splitlines()
    assert why_not_durable(read_calls(lines), answers, LOG, ACCEPTED) == ""
    # And the proof is none without the calls that force: that these lines alone make it.
    unforced = [line for line in lines if "sync" not in line]
    assert "forced" in why_not_durable(read_calls(unforced), answers, LOG, ACCEPTED)

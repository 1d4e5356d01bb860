"""What is seen of a server from outside: the runs that its functions have written down, the rows of
its database, the lines of its log."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from history import Run, Stored

ACCESS_POINT = (
    "arn:aws:elasticfilesystem:us-east-1:000000000000:access-point/fsap-0123456789abcdef0"
)
MOUNTED = "/mnt/history"
LAST_WORDS = "good end of"

# Tells of every run in a file that no kill can take away: one write for each line. Each environment
# has a file of its own, since each function has a user id of its own.
TELLING = f"""
import os, time

NAME = os.environ["AWS_LAMBDA_LOG_STREAM_NAME"].replace("/", "-")
HISTORY = os.open("{MOUNTED}/" + NAME, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)

def tell(word, tag, context):
    words = word, tag, context.function_name, context.aws_request_id
    os.write(HISTORY, " ".join((*words, repr(time.monotonic()) + chr(10))).encode())

def handler(event, context):
    tag = event["tag"]
    tell("start", tag, context)
    eaten = []
    while event.get("eat"):
        eaten.append(b"x" * (8 << 20))
    time.sleep(event["seconds"])
    if event.get("fail"):
        tell("fail", tag, context)
        raise ValueError("as it was asked to")
    print("{LAST_WORDS}", tag)
    tell("end", tag, context)
"""


@contextmanager
def history_directory() -> Iterator[Path]:
    """A directory of this machine that functions may write to."""
    with tempfile.TemporaryDirectory(prefix="lambdad-chaos-") as name:
        top = Path(name).resolve()
        top.chmod(0o711)
        shared = top / "history"
        shared.mkdir()
        shared.chmod(0o777)
        yield shared


def read_runs(directory: Path) -> tuple[Run, ...]:
    """Every run that has begun so far."""
    return tuple(
        run for file in directory.iterdir() for run in parse_runs(file.read_text().splitlines())
    )


def parse_runs(lines: Iterable[str]) -> tuple[Run, ...]:
    """The runs that the lines of one environment tell of, which runs one event at a time."""
    runs: list[Run] = []
    for line in lines:
        word, tag, function, request_id, at = line.split()
        if word == "start":
            runs.append(Run(tag, function, request_id, float(at)))
            continue
        begun = runs.pop()
        assert (begun.tag, begun.request_id) == (tag, request_id), line
        runs.append(replace(begun, ended=float(at), has_failed=word == "fail"))
    return tuple(runs)


def read_stored(data_dir: Path) -> Stored:
    """What the database of a server holds, whether it runs or not; it is only read."""
    path = data_dir / "node" / "state.db"
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=20)) as connection:
        connection.isolation_level = None
        connection.execute("BEGIN")  # all of it in one moment
        return Stored(
            *(_request_ids(connection, t) for t in ("events", "dead_events", "deliveries"))
        )


def _request_ids(connection: sqlite3.Connection, table: str) -> frozenset[str]:
    return frozenset(id for (id,) in connection.execute(f"SELECT request_id FROM {table}"))


def read_logged(logs: Any, functions: Iterable[str]) -> frozenset[str]:
    """The tags of which the log groups of functions have the line of a good end."""
    found: set[str] = set()
    for function in functions:
        pages = logs.get_paginator("filter_log_events").paginate(
            logGroupName=f"/aws/lambda/{function}", filterPattern=f'"{LAST_WORDS}"'
        )
        for page in pages:
            found.update(event["message"].split()[-1] for event in page["events"])
    return frozenset(found)

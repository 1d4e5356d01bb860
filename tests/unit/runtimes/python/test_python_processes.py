"""Process 1 of a sandbox: orphans, children of the function, signals, threads."""

from __future__ import annotations

import os
import shutil
import sys

import pytest
from runtime_under_test import RUNTIME
from scripted_api import event

needs_root = pytest.mark.skipif(
    os.getuid() != 0 or not shutil.which("unshare"), reason="needs root and unshare"
)
AS_PROCESS_1 = [
    "unshare", "--pid", "--fork", "--kill-child", "--mount-proc",
    sys.executable, "-I", "-S", "-B", str(RUNTIME / "bootstrap.py"),
]  # fmt: skip
CHILDREN = """
import os, subprocess, time
kept = []
def zombies():
    with open("/proc/self/task/1/children") as file:
        return [pid for pid in file.read().split()
                if open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()[0] == "Z"]
def settled(count):
    while len(zombies()) < count:
        time.sleep(0.001)
def orphan():
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        if os.fork() == 0:
            os.close(reading)
            while os.getppid() != 1:
                time.sleep(0.001)
        os._exit(0)
    os.waitpid(pid, 0)
    os.close(writing)
    os.read(reading, 1)  # ends with the orphan
    os.close(reading)
def handler(event, context):
    if event == "orphan":
        orphan()
        settled(1)
    if event == "child":
        kept.append(subprocess.Popen(["/bin/sh", "-c", "exit 7"]))
        settled(1)
    if event == "both":
        orphan()
        settled(2)
    if event == "status":
        return kept[0].wait()
    return len(zombies())
"""


@needs_root
@pytest.mark.root
def test_orphans_are_reaped_and_the_functions_own_children_are_not(run):
    events = ["orphan", "", "child", "both", "", "status", ""]

    outcome = run(CHILDREN, [event(name) for name in events], command=AS_PROCESS_1)

    assert outcome.results() == [1, 0, 1, 2, 1, 7, 0], outcome.text


@needs_root
@pytest.mark.root
def test_process_1_ends_on_sigterm_and_so_do_its_forks(run):
    function = """
import os, signal
def handler(event, context):
    if event == "fork":
        pid = os.fork()
        if pid == 0:
            while True:
                signal.pause()
        os.kill(pid, signal.SIGTERM)
        return os.waitpid(pid, 0)[1]
    os.kill(os.getpid(), signal.SIGTERM)
    return "still here"
"""
    outcome = run(function, [event("fork"), event("own")], command=AS_PROCESS_1)

    assert outcome.results() == [15], outcome.text
    assert outcome.status == 128 + 15


@needs_root
@pytest.mark.root
def test_a_function_may_handle_sigterm_itself(run):
    function = """
import os, signal, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit(9))
def handler(event, context):
    os.kill(os.getpid(), signal.SIGTERM)
"""
    assert run(function, [event()], command=AS_PROCESS_1).status == 9


def test_a_thread_goes_on_between_invocations(run):
    function = """
import threading
go, done = threading.Event(), threading.Event()
def work():
    go.wait()
    done.set()
threading.Thread(target=work, daemon=True).start()
def handler(event, context):
    if event == 1:
        go.set()
        return None
    return done.wait(5)
"""
    assert run(function, [event(1), event(2)]).results() == [None, True]


def test_sigterm_ends_the_process_by_default(run):
    function = "import os, signal\ndef handler(e, c):\n    os.kill(os.getpid(), signal.SIGTERM)\n"

    assert run(function, [event()]).status == -15

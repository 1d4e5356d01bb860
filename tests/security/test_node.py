"""The node reads what strangers send; whoever takes it over has won little."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lambdad.testing.server import LocalServer
from support.processes import node_of
from support.sandboxes import ON_ISOLATED

pytestmark = [*ON_ISOLATED, pytest.mark.slow]

# Becomes what the node is (user, mount namespace, no capability), then tries the paths.
AS_THE_NODE = """
import ctypes, json, os, sys
pid, uid, paths = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
libc = ctypes.CDLL(None, use_errno=True)
namespace = os.open(f"/proc/{pid}/ns/mnt", os.O_RDONLY)
assert libc.setns(namespace, 0) == 0, os.strerror(ctypes.get_errno())
os.setgroups([]); os.setresgid(uid, uid, uid); os.setresuid(uid, uid, uid)
found = {}
for path in paths:
    try:
        found[path] = os.listdir(path) if os.path.isdir(path) else len(open(path, "rb").read(99))
    except OSError as error:
        found[path] = error.strerror
print(json.dumps({"found": found, "writable": [p for p in paths if os.access(p, os.W_OK)]}))
"""


@pytest.fixture
def status(server: LocalServer) -> dict[str, str]:
    """/proc/<node>/status."""
    text = Path(f"/proc/{node_of(server).pid}/status").read_text()
    return {
        key: value.strip() for key, _, value in (line.partition(":") for line in text.splitlines())
    }


def as_the_node(server: LocalServer, *paths: str | Path) -> Any:
    """What the node could see and write of `paths`."""
    node = node_of(server)
    command = [sys.executable, "-c", AS_THE_NODE, str(node.pid), str(node.uids().real)]
    done = subprocess.run([*command, *map(str, paths)], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def test_the_node_is_not_root(status: dict[str, str]) -> None:
    for kind in ("Uid", "Gid"):
        ids = set(status[kind].split())
        assert len(ids) == 1
        assert int(ids.pop()) > 1_000_000
    assert status["Groups"] == ""


@pytest.mark.parametrize("kind", ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"])
def test_the_node_has_no_capability(status: dict[str, str], kind: str) -> None:
    assert int(status[kind], 16) == 0


def test_the_node_cannot_gain_privileges(status: dict[str, str]) -> None:
    assert status["NoNewPrivs"] == "1"


def test_the_node_shares_its_user_with_no_function(
    server: LocalServer,
) -> None:
    assert node_of(server).uids().real < 1_900_000_000


def test_the_node_cannot_read_what_is_roots(server: LocalServer) -> None:
    seen = as_the_node(server, "/etc/shadow", "/root", server.data_dir / "lock")
    found = seen["found"]
    assert found["/etc/shadow"] == "Permission denied"
    assert found[str(server.data_dir / "lock")] == "Permission denied"
    # Of /root it sees at most the way to the interpreter that it runs on
    needed = [*map(Path, (sys.prefix, sys.base_prefix, *sys.path)), server.data_dir]
    ways = {path.parts[2] for path in needed if path.parts[:2] == ("/", "root") and path.parts[2:]}
    pythons = {".pyenv", ".local", ".asdf"}
    assert found["/root"] == "Permission denied" or set(found["/root"]) <= ways | pythons


def test_the_node_can_write_its_own_directory_and_nothing_else(
    server: LocalServer,
) -> None:
    data = server.data_dir
    runtimes = list((data / "runtimes").glob("*/*"))
    package = Path(sys.modules["lambdad"].__file__ or "")
    seen = as_the_node(
        server, data / "node", data, data / "runtimes", *runtimes, data / "root",
        package, sys.executable, "/run/lambdad", "/etc", "/usr",
    )  # fmt: skip
    assert seen["writable"] == [str(data / "node")]


def test_nobody_but_the_node_can_write_what_it_keeps(server: LocalServer) -> None:
    for path in (server.data_dir / "node").rglob("*"):
        assert path.is_symlink() or path.stat().st_mode & 0o022 == 0, path


def test_nobody_but_the_node_can_read_its_database(server: LocalServer) -> None:
    node = server.data_dir / "node"
    others_may_list = node.stat().st_mode & 0o004
    others_may_read = (node / "state.db").stat().st_mode & 0o004
    assert not others_may_list
    assert not others_may_read, "a function in a process sandbox may read the database by its path"


def test_the_settings_are_not_in_the_process_table(server: LocalServer) -> None:
    assert not [word for word in node_of(server).cmdline() if "data" in word]

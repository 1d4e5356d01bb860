"""A server that an ordinary user runs, started by a test run that is root.

    python ordinary_user.py UID DIRECTORY COMMAND …      becomes that user, and then the command

The user has subordinate ids, as every user that a current system makes. What closed directories
hide from others (the checkout, an interpreter below /root) is opened in a mount namespace of its
own, as the launcher does for its node.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from lambdad.launcher import node_process
from lambdad.testing.server import LocalServer

NAME = "lambdad-test"
SUBORDINATE_IDS = range(600_100_000, 600_165_536)


class OrdinaryUsersServer(LocalServer):
    """`lambdad serve` as the test user."""

    def __init__(self, data_dir: str | Path | None = None, **settings: Any) -> None:
        super().__init__(data_dir, **settings)
        self._user = user()
        shutil.chown(self.data_dir, self._user.pw_uid, self._user.pw_gid)

    def _command(self) -> list[str]:
        return [*becoming(Path(self.data_dir)), *super()._command()]


def user() -> pwd.struct_passwd:
    """The test user, who is made when there is none; skips (in CI: fails) without newuidmap."""
    if shutil.which("newuidmap") is None:
        reason = "newuidmap is not installed (the package uidmap)"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    try:
        return pwd.getpwnam(NAME)
    except KeyError:
        pass
    _run("useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", NAME)
    ids = f"{SUBORDINATE_IDS[0]}-{SUBORDINATE_IDS[-1]}"
    _run("usermod", "--add-subuids", ids, "--add-subgids", ids, NAME)
    return pwd.getpwnam(NAME)


@contextmanager
def home() -> Iterator[Path]:
    """A directory of that user's; pytest's own are private."""
    owner = user()
    with tempfile.TemporaryDirectory(prefix="lambdad-") as name:
        shutil.chown(name, owner.pw_uid, owner.pw_gid)
        yield Path(name)


def becoming(directory: Path) -> list[str]:
    """What stands before a command that this user runs in `directory`."""
    return [sys.executable, __file__, str(user().pw_uid), str(directory)]


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)


def main() -> None:
    """Become the user and the command."""
    uid, directory = int(sys.argv[1]), Path(sys.argv[2])
    paths = [os.path.realpath(path) for path in (sys.prefix, sys.base_prefix, *sys.path)]
    node_process.open_ways([path for path in paths if os.path.exists(path)], directory)
    group = pwd.getpwuid(uid).pw_gid
    os.setgroups([])
    os.setresgid(group, group, group)
    os.setresuid(uid, uid, uid)
    os.environ["HOME"] = str(directory)
    os.chdir(directory)
    os.execv(sys.argv[3], sys.argv[3:])


if __name__ == "__main__":
    main()

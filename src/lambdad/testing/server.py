"""A server of one's own for the length of a test.

    with LocalServer() as server:
        client = boto3.client("lambda", endpoint_url=server.url, …)

It is `lambdad serve` itself, as a child process on a free port. The standard library is all it
needs.
"""

from __future__ import annotations

import os
import re
import selectors
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import IO

READY_SECONDS = 60.0
STOP_SECONDS = 40.0

_URL = re.compile(r"https?://[^\s/]+")
_RUNTIME = re.compile(r"\bpython3\.\d+\b")

SettingValue = str | int | bool | Path


class ServerNotReady(Exception):
    """The server ended, or said nothing for too long; the text is what it said."""

    def __init__(self, code: int | None, log: str) -> None:
        how = "was not ready in time" if code is None else f"ended with exit code {code}"
        super().__init__(f"lambdad serve {how}:\n{log}")
        self.code = code
        self.log = log


class LocalServer:
    """`lambdad serve` as a child process.

    Settings are those of the command line, with underscores: `LocalServer(sandbox="process",
    idle_timeout=1)`. The port is a free one unless said otherwise. Without `data_dir` the state
    lives in a temporary directory, which `close` removes.

    `start` may be called again after `stop`, `kill` or a crash; the state is still there.
    """

    def __init__(self, data_dir: str | Path | None = None, **settings: SettingValue) -> None:
        self._is_temporary = data_dir is None
        self.data_dir = _make_data_dir() if data_dir is None else Path(data_dir)
        self.settings = {"port": 0, **settings}
        self.ready_line = ""
        self._process: subprocess.Popen[str] | None = None
        self._log: IO[str] | None = None

    # Life

    def start(self) -> LocalServer:
        """Start it and wait until it is ready; ServerNotReady when it does not come up."""
        self._close_files()
        self._log = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115
        self._process = subprocess.Popen(  # noqa: S603 - our own program, no shell
            self._command(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )
        try:
            self.ready_line = self._wait_until_ready()
        except ServerNotReady:
            self._close_files()
            raise
        return self

    def stop(self, timeout: float = STOP_SECONDS) -> int:
        """Let it finish what runs, and wait for its end as `wait` does; returns its exit code."""
        self._running().terminate()
        return self.wait(timeout)

    def wait(self, timeout: float = STOP_SECONDS) -> int:
        """Wait for its end, which somebody else brings about; returns its exit code.

        One that does not end in time is killed, and TimeoutExpired is raised.
        """
        try:
            return self._running().wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def kill(self) -> None:
        """End it by SIGKILL, as a crash would."""
        process = self._running()
        process.kill()
        process.wait()

    def close(self) -> None:
        """Stop it if it runs, and remove what is temporary."""
        try:
            if self.is_running:
                self.stop()
        finally:
            self._close_files()
            if self._is_temporary:
                _remove(self.data_dir)

    def __enter__(self) -> LocalServer:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    # What is known of it

    @property
    def is_running(self) -> bool:
        """Whether its process is alive."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """The process id of the launcher."""
        return self._running().pid

    @property
    def url(self) -> str:
        """The endpoint URL for AWS clients."""
        found = _URL.search(self.ready_line)
        assert found, "the server has not been started"
        return found[0]

    @property
    def runtimes(self) -> list[str]:
        """The runtimes that this machine has, as the ready line names them."""
        return _RUNTIME.findall(self.ready_line)

    @property
    def log(self) -> str:
        """What the server itself has written to standard error so far."""
        if self._log is None:
            return ""
        size = os.fstat(self._log.fileno()).st_size
        return os.pread(self._log.fileno(), size, 0).decode(errors="replace")

    # Inside

    def _command(self) -> list[str]:
        return [sys.executable, "-m", "lambdad.cli.main", "serve", *self._flags()]

    def _flags(self) -> list[str]:
        flags = [f"--data-dir={self.data_dir}"]
        for name, value in self.settings.items():
            flag = name.replace("_", "-")
            if isinstance(value, bool):
                flags.append(f"--{flag}" if value else f"--no-{flag}")
            else:
                flags.append(f"--{flag}={value}")
        return flags

    def _wait_until_ready(self) -> str:
        process = self._running()
        assert process.stdout is not None
        deadline = time.monotonic() + READY_SECONDS
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            if selector.select(deadline - time.monotonic()) and (line := process.stdout.readline()):
                return line.strip()
        try:  # an output that has ended means a process that is about to
            code = process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            self.kill()
            raise ServerNotReady(None, self.log) from None
        raise ServerNotReady(code, self.log)

    def _running(self) -> subprocess.Popen[str]:
        assert self._process is not None, "the server has not been started"
        return self._process

    def _close_files(self) -> None:
        if self._process is not None and self._process.stdout is not None:
            self._process.stdout.close()
        if self._log is not None:
            self._log.close()
            self._log = None


def _make_data_dir() -> Path:
    """A directory that a function without isolation, which has a user id of its own, can pass."""
    directory = Path(tempfile.mkdtemp(prefix="lambdad-test-"))
    directory.chmod(0o711)
    return directory


def _remove(directory: Path) -> None:
    """Remove it; what belongs to subordinate user ids takes a process in their namespace."""
    shutil.rmtree(directory, ignore_errors=True)
    if directory.exists():
        subprocess.run(  # noqa: S603 - our own program, no shell
            [sys.executable, "-m", "lambdad.launcher.removal", str(directory)],
            check=False,
        )

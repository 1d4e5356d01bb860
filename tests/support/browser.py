"""A real browser without a window: Debian's Chromium."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from support.processes import adopt_orphans

_FLAGS = (
    "--headless=new",
    "--no-sandbox",  # which root cannot have; it sees pages of tests only
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-default-browser-check",
    "--no-first-run",
    "--no-proxy-server",
    "--password-store=basic",
)


@contextmanager
def browsing(url: str) -> Iterator[None]:
    """A browser shows `url`; at the end nothing of it is left.

    Skips (in CI: fails) without Chromium. When the body fails, what the browser said is shown.
    """
    program = _find_program()
    adopt_orphans()
    with tempfile.TemporaryDirectory(prefix="lambdad-browser-") as home:
        log = Path(home) / "log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [program, *_FLAGS, f"--user-data-dir={home}/profile", url],
                env={"PATH": os.environ["PATH"], "HOME": home},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        try:
            yield
        except BaseException:
            print(f"The browser at {url} said:\n{log.read_text(errors='replace')}")
            raise
        finally:
            _end(process)


def _find_program() -> str:
    program = shutil.which("chromium")
    if program is None:
        reason = "chromium is not installed (the package chromium)"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    return program


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the whole session, and wait: processes whose parents have died are children of ours."""
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    while True:
        try:
            os.waitpid(-process.pid, 0)
        except ChildProcessError:
            return

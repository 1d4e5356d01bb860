"""Install a function's requirements.txt into its package, for the Python that will run it.

pip runs on an interpreter of that version where this machine has one, so that environment markers
mean what they say; else ours is told the version. Only wheels are taken: nothing of a package
runs while it is installed.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from lambdad.cli.failure import CommandError, ExitCode

_PIP_CHECK_TIMEOUT = 20
_LINES_OF_PIP = 8
_PYTHON_RUNTIME = re.compile(r"python(3\.\d+)")


def python_version(runtime: str) -> str | None:
    """`3.12` of `python3.12`; None for a runtime that is not Python."""
    match = _PYTHON_RUNTIME.fullmatch(runtime)
    return match[1] if match else None


def install(requirements: Path, target: Path, version: str) -> None:
    """Install into `target` what `requirements` asks for, as wheels for Python `version`."""
    arguments = [
        *("install", "--requirement", str(requirements), "--target", str(target)),
        *("--only-binary", ":all:", "--python-version", version, "--implementation", "cp"),
        *("--no-compile", "--no-input", "--disable-pip-version-check", "--quiet"),
    ]
    environment = {**os.environ, "PIP_USER": "0", "PIP_REQUIRE_VIRTUALENV": "0"}
    environment["PIP_ROOT_USER_ACTION"] = "ignore"
    run = subprocess.run(  # noqa: S603 - an interpreter of this machine, no shell
        [_python_with_pip(version), "-m", "pip", *arguments],
        cwd=requirements.parent,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if run.returncode:
        raise CommandError(_failure(run.stderr, version), ExitCode.USAGE, name="Requirements")


def _python_with_pip(version: str) -> str:
    for python in _interpreters(version):
        if _has_pip(python):
            return python
    raise CommandError(
        "requirements.txt needs pip, which this Python does not have. Install it with "
        f"{sys.executable} -m ensurepip, or deploy a zip that holds the packages.",
        ExitCode.USAGE,
        name="Requirements",
    )


def _interpreters(version: str) -> Iterator[str]:
    """Interpreters to try: those of the version, then ours, then the machine's."""
    if sys.version_info[:2] != tuple(int(part) for part in version.split(".")):
        named = shutil.which(f"python{version}")
        if named:
            yield named
    yield sys.executable
    anything = shutil.which("python3")
    if anything:
        yield anything


def _has_pip(python: str) -> bool:
    """A pyenv shim may be there and its version not; asking tells."""
    try:
        run = subprocess.run(  # noqa: S603 - as above
            [python, "-m", "pip", "--version"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PIP_CHECK_TIMEOUT,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return run.returncode == 0


def _failure(stderr: str, version: str) -> str:
    lines = [line for line in stderr.splitlines() if line.strip()][-_LINES_OF_PIP:]
    said = "\n".join(f"  {line}" for line in lines)
    return (
        f"requirements.txt could not be installed for Python {version} (wheels only). "
        f"pip said:\n{said}"
    )

"""Interpreters of other languages than Python on this machine, where sandboxes see them."""

from __future__ import annotations

import os
import re
import subprocess

from lambdad.launcher.interpreters import Interpreter

_SEEN_IN_SANDBOXES = "/usr/bin"
_VERSION = re.compile(r"v(\d+)\.\d+\.\d+\s*")
_ANSWER_SECONDS = 10
_OLDEST = 18  # of what our runtime runs on


def find_nodejs(directory: str = _SEEN_IN_SANDBOXES) -> dict[str, Interpreter]:
    """Node.js by its runtime identifier, as `nodejs20.x`; nothing when there is none."""
    path = os.path.realpath(os.path.join(directory, "node"))
    if not path.startswith("/usr/") or not os.access(path, os.X_OK):
        return {}
    try:
        answer = subprocess.run(  # noqa: S603 - a program that the operator installed
            [path, "--version"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_ANSWER_SECONDS,
            env={},
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return {}
    version = _VERSION.fullmatch(answer.stdout.decode(errors="replace"))
    if version is None or int(version[1]) < _OLDEST:
        return {}
    name = f"nodejs{version[1]}.x"
    return {name: Interpreter(name, version[0].strip()[1:], path, "/usr")}

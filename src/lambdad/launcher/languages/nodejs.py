"""Node.js: where it is, and how its programs are started."""

from __future__ import annotations

import os
import re
from pathlib import Path

from lambdad.launcher.interpreters import Interpreter
from lambdad.launcher.languages.asking import answers_of, programs_named

VARIABLES: dict[str, str] = {}
_PLACES = ("/usr/bin", "/usr/local/bin", "/opt/node*/bin", "~/.nvm/versions/node/*/bin")
_VERSION = re.compile(r"v(\d+)\.\d+\.\d+\s*")
_OLDEST = 18  # of what our runtime runs on


def find() -> list[Interpreter]:
    """Every Node.js of this machine that our runtime runs on."""
    found = []
    for path, answer in answers_of(programs_named("node", _PLACES), ["--version"]).items():
        version = _VERSION.fullmatch(answer)
        if version is not None and int(version[1]) >= _OLDEST:
            name, full = f"nodejs{version[1]}.x", version[0].strip()[1:]
            found.append(Interpreter(name, full, path, _prefix(path)))
    return found


def command(executable: str, directory: str, memory_mb: int) -> list[str]:
    """The heap gets nine tenths of the memory, which leaves room for what is not in it."""
    heap = f"--max-old-space-size={memory_mb * 9 // 10}"
    return [executable, heap, os.path.join(directory, "bootstrap.mjs")]


def _prefix(path: str) -> str:
    """Of /usr/bin/node this is /usr."""
    return str(Path(path).parents[1])

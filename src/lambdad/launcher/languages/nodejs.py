"""Node.js: where it is, and how its programs are started.

What is copied from `runtimes/nodejs` becomes one file, as Node.js takes half a millisecond to find
and load each.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from lambdad.launcher.asking import answers_of, programs_named
from lambdad.launcher.interpreters import Interpreter

# Where Debian's has what others have built in.
TREES = ("/usr/share/nodejs",)
_PLACES = ("/usr/bin", "/usr/local/bin", "/opt/node*/bin", "~/.nvm/versions/node/*/bin")
_VERSION = re.compile(r"v(\d+)\.\d+\.\d+\s*")
_OLDEST = 18  # of what our runtime runs on
_MAIN = "bootstrap"
_REQUIRED = re.compile(r"\brequire\('\./(\w+)\.cjs'\)")
_WHOLE = """\
'use strict';

const ownModules = {
%s};
const loaded = {};

function ownModule(name) {
  if (!(name in loaded)) {
    const module = { exports: {} };
    ownModules[name](module);
    loaded[name] = module.exports;
  }
  return loaded[name];
}

ownModule('%s');
"""


def find() -> list[Interpreter]:
    """Every Node.js of this machine that our runtime runs on."""
    found = []
    for path, answer in answers_of(programs_named("node", _PLACES), ["--version"]).items():
        version = _VERSION.fullmatch(answer)
        prefix = _prefix(path)
        if version is not None and int(version[1]) >= _OLDEST and prefix is not None:
            name, full = f"nodejs{version[1]}.x", version[0].strip()[1:]
            found.append(Interpreter(name, full, path, prefix))
    return found


def command(executable: str, directory: str, memory_mb: int) -> list[str]:
    """The heap gets nine tenths of the memory, which leaves room for what is not in it."""
    heap = f"--max-old-space-size={memory_mb * 9 // 10}"
    return [executable, heap, os.path.join(directory, f"{_MAIN}.cjs")]


def build(_: Interpreter, directory: Path) -> None:
    """Put the modules in `directory` together, into the one that is started."""
    modules = sorted(directory.glob("*.cjs"))
    functions = [f"{module.stem}(module) {{\n{_with_own(module)}}},\n" for module in modules]
    for module in modules:
        module.unlink()
    (directory / f"{_MAIN}.cjs").write_text(_WHOLE % ("".join(functions), _MAIN))


def _with_own(module: Path) -> str:
    return _REQUIRED.sub(r"ownModule('\1')", module.read_text())


def _prefix(path: str) -> str | None:
    """The tree of an installation of Node.js, all of which functions will see; None for a program
    that stands somewhere else, beside what is nobody's business."""
    program = Path(path)
    if program.parent == Path("/usr/bin"):
        return "/usr"
    if program.parent.name != "bin":
        return None
    prefix = program.parent.parent
    return str(prefix) if (prefix / "include/node/node_version.h").is_file() else None

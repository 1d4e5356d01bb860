"""Where the Node.js runtime is, and what runs it."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import lambdad
from lambdad.launcher.languages import nodejs

RUNTIME = Path(lambdad.__file__).parent / "runtimes/nodejs"
NODE = shutil.which("node")
COMMAND = nodejs.command(NODE or "node", str(RUNTIME), memory_mb=128)
BEFORE = {
    "PATH": "/usr/bin:/bin",
    "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9",  # where nobody is
    "_LAMBDAD_WAITS": "1",
    "NOBODY": "sees this",
}
_WAITING = Path(__file__).parents[1] / "ruby/waiting.py"
AHEAD = [sys.executable, str(_WAITING), json.dumps(BEFORE), *COMMAND]
STARTS = {"at once": COMMAND, "after waiting": AHEAD}

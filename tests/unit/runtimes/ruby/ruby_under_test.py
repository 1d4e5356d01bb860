"""Where the Ruby runtime is, and what runs it."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import lambdad
from lambdad.launcher.languages import ruby

RUNTIME = Path(lambdad.__file__).parent / "runtimes/ruby"
RUBY = shutil.which("ruby")
COMMAND = ruby.command(RUBY or "ruby", str(RUNTIME), memory_mb=128)
BEFORE = {"PATH": "/usr/bin:/bin", "_LAMBDAD_WAITS": "1", "NOBODY": "sees this", **ruby.VARIABLES}
AHEAD = [sys.executable, str(Path(__file__).parent / "waiting.py"), json.dumps(BEFORE), *COMMAND]
STARTS = {"at once": COMMAND, "after waiting": AHEAD}

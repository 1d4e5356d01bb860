"""Where the Node.js runtime is, and what runs it."""

from __future__ import annotations

import shutil
from pathlib import Path

import lambdad

RUNTIME = Path(lambdad.__file__).parent / "runtimes/nodejs"
BOOTSTRAP = RUNTIME / "bootstrap.cjs"
NODE = shutil.which("node")

"""Where `make setup` keeps what takes long to be made, for every copy of the sources."""

from __future__ import annotations

import os
from pathlib import Path

CACHE = (Path("/var/cache") if os.geteuid() == 0 else Path.home() / ".cache") / "lambdad"
OFFICIAL_CLIENTS = CACHE / "clients"

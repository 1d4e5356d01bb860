"""What functions need to reach the internet."""

from __future__ import annotations

import os
from pathlib import Path

from lambdad.launcher.egress_programs import PACKAGES, find_program
from lambdad.launcher.probes.machine import Egress


def probe_egress(root: Path = Path("/")) -> Egress:
    """The programs, and whether this user may make an interface."""
    programs = {package: find_program(name) for name, package in PACKAGES.items()}
    return Egress(programs, _try_tun(root / "dev/net/tun"))


def _try_tun(device: Path) -> str | None:
    try:
        os.close(os.open(device, os.O_RDWR | os.O_CLOEXEC))
    except OSError as error:
        return f"{device}: {error.strerror}"
    return None

"""Where the runtime is, and the interpreters that it must work on."""

from __future__ import annotations

import glob
import sys
from pathlib import Path

import lambdad

RUNTIME = Path(lambdad.__file__).parent / "runtimes/python"
FUNCTIONS = Path(__file__).parents[3] / "functions"
VERSIONS = tuple(f"3.{minor}" for minor in range(9, 15))


def find_interpreters() -> dict[str, str]:
    """One interpreter for each version that this machine has."""
    found = {}
    for version in VERSIONS:
        places = glob.glob(f"/root/.pyenv/versions/{version}.*/bin/python{version}")
        places += [f"/usr/local/bin/python{version}", f"/usr/bin/python{version}"]
        present = [place for place in places if Path(place).exists()]
        if present:
            found[version] = present[0]
    return found or {f"3.{sys.version_info[1]}": sys.executable}

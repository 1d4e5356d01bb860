"""Removing a data directory: without root, much of one belongs to subordinate user ids.

python -m lambdad.launcher.removal DIRECTORY
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from lambdad.launcher import user_namespace


def main() -> int:
    """Remove the directory; 2 with a sentence when that cannot be done."""
    if len(sys.argv) != 2:
        print("usage: python -m lambdad.launcher.removal DIRECTORY", file=sys.stderr)
        return 2
    try:
        remove(Path(sys.argv[1]))
    except OSError as error:
        print(f"lambdad: {error}", file=sys.stderr)
        return 2
    return 0


def remove(directory: Path) -> None:
    """As root of a new user namespace, which every file in it belongs to; OSError when that fails.

    Only for a process with a single thread, which stays in that namespace.
    """
    if os.geteuid() != 0:
        user_namespace.enter()
    shutil.rmtree(directory)


if __name__ == "__main__":
    sys.exit(main())

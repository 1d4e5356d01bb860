"""Runtime trees for servers with fresh data directories.

A server makes the tree of a runtime when it first needs it, which takes seconds: it copies the AWS
SDK and compiles it. The tree is the same for every server of a test run, so it is made once and
planted into the data directories of the others.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from pathlib import Path


def plant(seeds: Path, data_dir: Path, runtimes: Iterable[str]) -> None:
    """Give a data directory the trees of these runtimes, or patterns, that have been harvested."""
    _link_trees(seeds, data_dir / "runtimes", runtimes)


def harvest(data_dir: Path, seeds: Path, runtimes: Iterable[str]) -> None:
    """Keep the finished trees of these runtimes of a data directory."""
    _link_trees(data_dir / "runtimes", seeds, runtimes)


def _link_trees(source: Path, target: Path, runtimes: Iterable[str]) -> None:
    if not source.is_dir():
        return
    target.mkdir(exist_ok=True)
    for tree in [tree for runtime in runtimes for tree in source.glob(f"{runtime}-*")]:
        if not (target / tree.name).exists():
            making = target / f".making-{tree.name}"
            shutil.copytree(tree, making, copy_function=_link, symlinks=True)
            making.rename(target / tree.name)


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system
        shutil.copy2(source, target)

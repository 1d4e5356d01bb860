"""The programs of the system that egress takes."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from types import MappingProxyType

# By the package that has each, which is called the same on all distributions.
PACKAGES: Mapping[str, str] = MappingProxyType({"slirp4netns": "slirp4netns", "nft": "nftables"})
_SYSTEM_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"  # an ordinary user's PATH need not have all of it


def find_program(name: str) -> str | None:
    """Where it is, if it is installed."""
    return shutil.which(name) or shutil.which(name, path=_SYSTEM_PATH)

"""Deployment packages: from the zoo, from source text, from what is installed here."""

from __future__ import annotations

import importlib.util
import io
import zipfile
from collections.abc import Collection, Iterable, Mapping
from importlib.metadata import distribution
from pathlib import Path

from packaging.requirements import Requirement

ZOO = Path(__file__).parents[1] / "functions"


def make_zip(files: Mapping[str, str | bytes], programs: Collection[str] = ()) -> bytes:
    """A zip that holds `files`, some of them `programs`; the same bytes for the same files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = (0o755 if name in programs else 0o644) << 16
            archive.writestr(entry, content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def zoo_files(name: str) -> dict[str, bytes]:
    """The files of one member of the zoo."""
    return directory_files(ZOO / name)


def directory_files(directory: Path, prefix: str = "") -> dict[str, bytes]:
    """Everything below a directory, by its path there; `prefix` goes in front."""
    return {
        prefix + str(path.relative_to(directory)): path.read_bytes()
        for path in sorted(directory.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }


def installed_files(module: str) -> dict[str, bytes]:
    """An installed package, compiled parts and all, as pip would have put it into a directory."""
    spec = importlib.util.find_spec(module)
    assert spec, f"{module} is not installed"
    assert spec.origin, f"{module} is no package"
    return directory_files(Path(spec.origin).parent, f"{module}/")


def distribution_files(*names: str) -> dict[str, bytes]:
    """Installed distributions with all that they need, as pip would have put them there."""
    found: dict[str, bytes] = {}
    waiting, seen = list(names), set(names)
    while waiting:
        one = distribution(waiting.pop())
        for path in one.files or ():
            if path.parts[0] != ".." and "__pycache__" not in path.parts:  # no scripts
                found[str(path)] = path.read_binary()
        new = _needed_by(one.requires or ()) - seen
        waiting += new
        seen |= new
    return found


def _needed_by(requirements: Iterable[str]) -> set[str]:
    parsed = [Requirement(text) for text in requirements]
    return {one.name for one in parsed if not one.marker or one.marker.evaluate({"extra": ""})}

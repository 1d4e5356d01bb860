"""What is installed stays until what it was made of may have changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lambdad.cli import requirements
from lambdad.cli.workshop import Workshop


@pytest.fixture
def workshop() -> Iterator[Workshop]:
    with Workshop() as workshop:
        yield workshop


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The Pythons that something was installed for; pip itself stays at home."""
    versions: list[str] = []

    def install(file: Path, target: Path, version: str) -> None:
        versions.append(version)
        (target / f"install{len(versions)}.py").touch()

    monkeypatch.setattr(requirements, "install", install)
    return versions


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str], Path]:
    def write(text: str) -> Path:
        file = tmp_path / "requirements.txt"
        file.write_text(text)
        return file

    return write


NAMES_OTHERS = [
    "-r base.txt",
    "-rbase.txt",
    "  --requirement=base.txt",
    "-c limits.txt",
    "--constraint limits.txt",
    "-e .",
    "--editable .",
    "-f wheels",
    "--find-links wheels",
    "./package",
    "../package[extra]",
    "/opt/package",
    "wheels/greeting-1.0-py3-none-any.whl",
    "greeting-1.0-py3-none-any.whl",
    "greeting @ file:///opt/greeting",
    "file:greeting",
]
NAMES_NONE = [
    "requests==2.0",
    "requests==2.0 --hash=sha256:abcdef",
    "requests[socks]>=2; python_version < '3.13'  # see docs/why.md",
    "# -r base.txt or ./package",
    "greeting @ https://example.com/greeting-1.0-py3-none-any.whl",
    "--index-url https://example.com/simple",
]


@pytest.mark.parametrize("line", NAMES_NONE)
def test_the_same_requirements_are_installed_once(
    workshop: Workshop, installed: list[str], write: Callable[[str], Path], line: str
) -> None:
    file = write(f"{line}\nother\n")
    assert list(workshop.install(file, "python3.12")) == ["install1.py"]
    assert list(workshop.install(file, "python3.12")) == ["install1.py"]
    assert installed == ["3.12"]


@pytest.mark.parametrize("line", NAMES_OTHERS)
def test_requirements_that_name_other_files_are_installed_again(
    workshop: Workshop, installed: list[str], write: Callable[[str], Path], line: str
) -> None:
    """Nobody looks whether those have changed."""
    file = write(f"other\n{line}\n")
    workshop.install(file, "python3.12")
    assert list(workshop.install(file, "python3.12")) == ["install2.py"]
    assert installed == ["3.12", "3.12"]


def test_another_text_or_another_python_is_installed_again(
    workshop: Workshop, installed: list[str], write: Callable[[str], Path]
) -> None:
    workshop.install(write("one"), "python3.12")
    workshop.install(write("two"), "python3.12")
    workshop.install(write("two"), "python3.13")
    assert installed == ["3.12", "3.12", "3.13"]

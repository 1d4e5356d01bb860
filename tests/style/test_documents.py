"""The documents say what the code says."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

from lambdad.cli.main import COMMANDS
from lambdad.config import SETTINGS

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    """docs/generate.py, which is a script."""
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_reference_is_what_the_code_says(generate: ModuleType) -> None:
    for name, text in generate.pages().items():
        written = (ROOT / "docs" / "reference" / name).read_text()
        assert written == text, f"docs/reference/{name} is old: run make docs"


def test_languages_are_what_their_tests_have_found_out(generate: ModuleType) -> None:
    written = (ROOT / "docs/languages.md").read_text()
    assert written == generate.languages_page(), "docs/languages.md is old: run make docs"
    readme = (ROOT / "README.md").read_text()
    assert "table of languages" in readme
    assert readme == generate.readme_with_table(readme), "README.md is old: run make docs"


def test_readme_names_every_setting() -> None:
    readme = (ROOT / "README.md").read_text()
    missing = [setting.flag for setting in SETTINGS if f"`{setting.flag}`" not in readme]
    assert not missing


def test_readme_names_every_command() -> None:
    readme = (ROOT / "README.md").read_text()
    assert [name for name in COMMANDS if f"lambdad {name}" not in readme] == []


def test_every_make_target_is_documented() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = re.findall(r"^([a-z]+):.*##", makefile, re.MULTILINE)
    words = (ROOT / "README.md").read_text() + (ROOT / "CONTRIBUTING.md").read_text()
    assert targets
    assert [target for target in targets if f"make {target}" not in words] == []


def test_every_promise_has_its_own_number_and_what_holds_it() -> None:
    rows = re.findall(r"^\| (P\d+) \|(.*)$", (ROOT / "SPECIFICATION.md").read_text(), re.MULTILINE)
    numbers = [number for number, _ in rows]
    assert numbers
    assert len(numbers) == len(set(numbers))
    for number, row in rows:
        held_by = row.rstrip("|").split("|")[-1]
        paths = re.findall(r"`((?:tests|benchmarks)/[^`]*)`", held_by)
        assert paths or "*pending*" in held_by, f"{number} names nothing that holds it"
        for path in paths:
            assert (ROOT / path).exists(), f"{number} names {path}, which is not there"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_between_documents_lead_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)", document.read_text()):
        if not re.match(r"[a-z]+:", target):
            assert (document.parent / target).exists(), f"{document.name} links to {target}"

"""What the suite has found out about the languages, for the README and docs/languages.md. Only a
run without failures is written down.

    WRITE_LANGUAGES=1 pytest tests/languages      writes docs/reference/languages.json
"""

from __future__ import annotations

import ast
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from language import LANGUAGES, Language

RESULT = Path(__file__).parents[2] / "docs/reference/languages.json"
_FILES = {
    path.stem.removeprefix("test_"): path
    for path in sorted(Path(__file__).parent.glob("test_*.py"))
}


@dataclass
class Result:
    """What became of the tests of a subject in a language."""

    holds: bool = False
    missing: set[str] = field(default_factory=set)


class Table:
    """The results by language and subject, which is a file of tests."""

    def __init__(self) -> None:
        self._results: dict[tuple[str, str], Result] = {}

    def add(
        self, language: Language, file: Path, report: pytest.TestReport, call: pytest.CallInfo[None]
    ) -> None:
        """Take what became of a test."""
        subject = file.stem.removeprefix("test_")
        result = self._results.setdefault((language.id, subject), Result())
        result.holds |= report.when == "call" and report.passed
        if call.excinfo is not None and (why := str(call.excinfo.value)) in language.lacks.values():
            result.missing.add(why)

    def write(self) -> None:
        """Write it down; it has to be whole."""
        told = {key for key, result in self._results.items() if result.holds or result.missing}
        wanted = {(language.id, subject) for language in LANGUAGES for subject in _FILES}
        absent = sorted(wanted - told)
        assert not absent, f"only a run of the whole folder, with all languages, counts: {absent}"
        found = {"subjects": _subjects(), "languages": [self._row(each) for each in LANGUAGES]}
        RESULT.write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n")

    def _row(self, language: Language) -> dict[str, Any]:
        results = {subject: self._results[language.id, subject] for subject in _FILES}
        return {
            "language": language.name,
            "serves": language.serves,
            "stands_on": language.stands_on,
            "results": {
                subject: {"holds": result.holds, "missing": sorted(result.missing)}
                for subject, result in results.items()
            },
        }


def _subjects() -> dict[str, str]:
    """What each is about, as its file begins."""
    return {
        subject: str(ast.get_docstring(ast.parse(file.read_text())))
        for subject, file in _FILES.items()
    }

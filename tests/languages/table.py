"""What the suite has found out about the languages, for the README and docs/languages.md.

    WRITE_LANGUAGES=1 pytest tests/languages      writes docs/reference/languages.json
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from language import LANGUAGES, Language

RESULT = Path(__file__).parents[2] / "docs/reference/languages.json"
_SUBJECTS = tuple(
    sorted(path.stem.removeprefix("test_") for path in Path(__file__).parent.glob("test_*.py"))
)


class Table:
    """By language and subject, which is a file of tests: what is missing."""

    def __init__(self) -> None:
        self._missing: dict[tuple[str, str], set[str]] = {}

    def add(
        self,
        language: Language,
        subject: str,
        test: str,
        report: pytest.TestReport,
        call: pytest.CallInfo[None],
    ) -> None:
        """Take what became of a test."""
        if report.when != "call":
            return
        missing = self._missing.setdefault((language.id, subject), set())
        if report.failed:
            missing.add(f"fails: {test.removeprefix('test_').replace('_', ' ')}")
        elif report.skipped and call.excinfo is not None:
            missing.add(str(call.excinfo.value))

    def write(self) -> None:
        """Write the result; it has to be whole."""
        wanted = {(language.id, subject) for language in LANGUAGES for subject in _SUBJECTS}
        absent = sorted(wanted - self._missing.keys())
        assert not absent, f"only a run of the whole folder, with all languages, counts: {absent}"
        RESULT.write_text(json.dumps(self._rows(), indent=2, ensure_ascii=False) + "\n")

    def _rows(self) -> list[dict[str, Any]]:
        return [
            {
                "language": language.name,
                "serves": language.serves,
                "stands_on": language.stands_on,
                "missing": {
                    subject: sorted(self._missing[language.id, subject]) for subject in _SUBJECTS
                },
            }
            for language in LANGUAGES
        ]

"""README.md and SECURITY.md claim what the tests attack, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
from claims import ATTEMPTS, Claim, readme_table, security_table

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
FILES = {path.stem: path.read_text() for path in HERE.glob("test_*.py")}


@pytest.mark.parametrize(
    ("document", "table"),
    [("README.md", readme_table()), ("SECURITY.md", security_table())],
    ids=["README.md", "SECURITY.md"],
)
def test_the_documents_print_the_claims(document: str, table: str) -> None:
    assert table in (ROOT / document).read_text(), f"{document} must hold:\n{table}"


def test_every_attempt_is_attacked_by_a_test() -> None:
    for attempt in ATTEMPTS:
        assert attempt.tests, attempt.what
        assert set(attempt.tests) <= set(FILES), attempt.what


def test_every_test_attacks_something_that_is_claimed() -> None:
    named = {test for attempt in ATTEMPTS for test in attempt.tests}
    assert set(FILES) - named == {"test_claims", "test_web_abuse"}  # that one's are no functions


def test_what_is_claimed_without_root_is_attacked_without_root() -> None:
    # The filter has tests of its own beside the sandboxes, as an ordinary user
    runs_without_root = {
        name for name, text in FILES.items() if "isolated" in text.lower() or "rootless" in text
    } | {"test_system_calls"}
    for attempt in ATTEMPTS:
        if attempt.without_root is not Claim.NOT:
            assert runs_without_root & set(attempt.tests), attempt.what


def test_a_sandbox_that_isolates_nothing_claims_nothing() -> None:
    assert {attempt.process for attempt in ATTEMPTS} == {Claim.NOT}

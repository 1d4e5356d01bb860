"""Filter patterns of terms."""

from __future__ import annotations

import pytest

from lambdad.errors import ClientError
from lambdad.services.logs.filter_pattern import parse_filter_pattern


@pytest.mark.parametrize(
    ("pattern", "message", "matches"),
    [
        ("", "anything", True),
        ("  ", "anything", True),
        ("ERROR", "[ERROR] oh", True),
        ("ERROR", "[Error] oh", False),
        ("ERROR timeout", "timeout after ERROR", True),
        ("ERROR timeout", "ERROR only", False),
        ('"out of memory"', "process out of memory", True),
        ('"out of memory"', "out of all memory", False),
        (r'"say \"hi\" \\"', 'they say "hi" \\', True),
        ('"[ERROR]"', "[ERROR] oh", True),
        ("ERROR -timeout", "ERROR broken", True),
        ("ERROR -timeout", "ERROR timeout", False),
        ("-DEBUG", "INFO", True),
        ("-DEBUG", "DEBUG", False),
        ('-"health check"', "GET health check", False),
        ("?ERROR ?WARN", "WARN", True),
        ("?ERROR ?WARN", "INFO", False),
        ('?"a b" ?c', "a b", True),
        ("INFO ?ERROR", "INFO", True),  # the alternatives are ignored
        ("-INFO ?ERROR", "WARN", True),
        ("2026-01-01", "at 2026-01-01", True),
        ("-", "a - b", True),
    ],
)
def test_pattern_lets_through(pattern: str, message: str, matches: bool) -> None:
    assert parse_filter_pattern(pattern).matches(message) is matches


@pytest.mark.parametrize("pattern", ["{ $.level = 1 }", "[ip, user]", "%ERR.R%"])
def test_patterns_not_supported_yet_are_refused_with_a_sentence(pattern: str) -> None:
    with pytest.raises(ClientError, match="not support filter patterns") as raised:
        parse_filter_pattern(pattern)
    assert raised.value.code == "InvalidParameterException"


@pytest.mark.parametrize("pattern", ['"open', 'word"quote', '"a"b'])
def test_pattern_with_stray_quotes_is_refused(pattern: str) -> None:
    with pytest.raises(ClientError, match="Invalid filter pattern"):
        parse_filter_pattern(pattern)

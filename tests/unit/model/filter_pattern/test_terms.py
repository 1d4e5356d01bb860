"""Filter patterns of terms."""

from __future__ import annotations

import pytest

from lambdad.model.filter_pattern import InvalidFilterPattern, parse_filter_pattern


@pytest.mark.parametrize(
    ("pattern", "message", "matches"),
    [
        ("", "anything", True),
        ("  ", "anything", True),
        ('" "', "anything", True),
        ('""', "anything", True),
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
        (r"%ERR.R\s4\d\d%", "ERROR 404", True),
        (r"%ERR.R\s4\d\d%", "ERROR 504", False),
        ("GET -%4[0-9]{2}%", "GET 200", True),
        ("GET -%4[0-9]{2}%", "GET 404", False),
        ("?%^A% ?B", "A", True),
        ("50%", "at 50% now", True),
    ],
)
def test_pattern_lets_through(pattern: str, message: str, matches: bool) -> None:
    read = parse_filter_pattern(pattern)
    assert read.matches(message) is matches
    assert read.extract(message) == ({} if matches else None)


@pytest.mark.parametrize("pattern", ['"open', 'word"quote', '"a"b', "%a b%"])
def test_what_breaks_the_syntax_is_refused(pattern: str) -> None:
    with pytest.raises(InvalidFilterPattern, match=r"Invalid .*filter pattern|in filter pattern"):
        parse_filter_pattern(pattern)


@pytest.mark.parametrize(
    ("pattern", "terms"),
    [
        ('ERROR "out of" -DEBUG', {"ERROR", "out of"}),
        ("?ERROR ?WARN", set()),
        ("?ERROR", {"ERROR"}),
        ("-DEBUG ?ERROR", set()),
        (r"%id-\d+% x", {"id-", "x"}),
        ("", set()),
    ],
)
def test_required_terms_are_in_every_line_that_matches(pattern: str, terms: set[str]) -> None:
    assert parse_filter_pattern(pattern).required_terms() == terms

"""X-Ray's filter expressions, in part: which traces are asked for.

fault AND service("thumbnail") AND (duration > 1.5 OR annotation[tenant] = "blue")
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NoReturn

from lambdad.model.trace import TraceSummary
from lambdad.model.trace_filter_words import (
    FLAGS,
    NUMBER_OPERATORS,
    NUMBERS,
    TEXT_OPERATORS,
    TEXTS,
    InvalidFilter,
    Test,
    read_tokens,
)

LONGEST = 2000  # characters
_DEEPEST = 50  # parentheses and NOTs


def parse_trace_filter(expression: str) -> Test:
    """The test that an expression means; an empty one takes every trace."""
    if len(expression) > LONGEST:
        raise InvalidFilter(f"A filter expression has at most {LONGEST} characters.")
    tokens = read_tokens(expression)
    return _Parser(tokens).parse() if tokens else lambda summary: True


__all__ = ["InvalidFilter", "parse_trace_filter"]


class _Parser:
    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self._tokens = tokens
        self._at = 0
        self._depth = 0

    def parse(self) -> Test:
        test = self._either()
        if self._at < len(self._tokens):
            self._fail()
        return test

    def _either(self) -> Test:
        tests = [self._both()]
        while self._take_word("or"):
            tests.append(self._both())
        return tests[0] if len(tests) == 1 else lambda summary: any(t(summary) for t in tests)

    def _both(self) -> Test:
        tests = [self._not()]
        while self._take_word("and"):
            tests.append(self._not())
        return tests[0] if len(tests) == 1 else lambda summary: all(t(summary) for t in tests)

    def _not(self) -> Test:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise InvalidFilter("The filter expression is nested too deeply.")
        try:
            if self._take_word("not") or self._take("operator", "!"):
                test = self._not()
                return lambda summary: not test(summary)
            if self._take("operator", "("):
                test = self._either()
                self._expect(")")
                return test
            return self._term()
        finally:
            self._depth -= 1

    def _term(self) -> Test:
        kind, text = self._next()
        name = text.lower()
        if kind != "word":
            self._fail(-1)
        if name in FLAGS:
            return self._flag(FLAGS[name])
        if name in NUMBERS:
            return self._number(NUMBERS[name])
        if name in TEXTS:
            return self._text(TEXTS[name])
        if name == "service":
            return self._service()
        if name.startswith(("annotation.", "annotation[")):
            return self._annotation(text[len("annotation") :])
        raise InvalidFilter(f"lambdad does not support '{text}' in a filter expression.")

    def _flag(self, test: Test) -> Test:
        """`fault`, or `fault = false`."""
        for sign in ("=", "!="):
            if self._take("operator", sign):
                wanted = self._truth() == (sign == "=")
                return lambda summary: test(summary) == wanted
        return test

    def _truth(self) -> bool:
        kind, text = self._next()
        if kind != "word" or text.lower() not in ("true", "false"):
            self._fail(-1)
        return text.lower() == "true"

    def _number(self, value: Callable[[TraceSummary], Any]) -> Test:
        kind, sign = self._next()
        if kind != "operator" or sign not in NUMBER_OPERATORS:
            self._fail(-1)
        compare, wanted = NUMBER_OPERATORS[sign], self._number_value()

        def test(summary: TraceSummary) -> bool:
            found = value(summary)
            return found is not None and bool(compare(found, wanted))

        return test

    def _number_value(self) -> float:
        kind, text = self._next()
        if kind != "number":
            self._fail(-1)
        return float(text)

    def _text(self, values: Callable[[TraceSummary], list[Any]]) -> Test:
        compare = self._text_operator()
        wanted = self._text_value()
        return lambda summary: any(
            isinstance(each, str) and compare(each, wanted) for each in values(summary)
        )

    def _text_operator(self) -> Callable[[str, str], bool]:
        _, sign = self._next()
        found = TEXT_OPERATORS.get(sign.lower())
        if found is None:
            self._fail(-1)
        return found

    def _text_value(self) -> str:
        kind, text = self._next()
        if kind != "text":
            self._fail(-1)
        return re.sub(r"\\(.)", r"\1", text[1:-1])

    def _service(self) -> Test:
        self._expect("(")
        if self._take("operator", ")"):
            return lambda summary: bool(summary.services)
        name = self._text_value()
        self._expect(")")
        return lambda summary: any(name == service for service, _ in summary.services)

    def _annotation(self, rest: str) -> Test:
        """`annotation.key = value`, `annotation[key] > 3`, or only that there is one."""
        key = rest[1:-1].strip("\"' ") if rest.startswith("[") else rest[1:]
        if not key:
            raise InvalidFilter("An annotation has a key, as in annotation[key].")
        if self._at == len(self._tokens):
            return lambda summary: key in summary.annotations
        kind, sign = self._tokens[self._at]
        if (kind == "word" and sign.lower() in ("and", "or")) or sign == ")":
            return lambda summary: key in summary.annotations
        self._at += 1
        compare = self._comparison(sign.lower(), *self._next())

        def test(summary: TraceSummary) -> bool:
            return any(compare(value) for value in summary.annotations.get(key, ()))

        return test

    def _comparison(self, sign: str, kind: str, text: str) -> Callable[[Any], bool]:
        """Of a value of any kind with the one that is written; other kinds are not equal to it."""
        self._at -= 1
        if kind == "text" and sign in TEXT_OPERATORS:
            wanted, compare = self._text_value(), TEXT_OPERATORS[sign]
            return lambda value: isinstance(value, str) and compare(value, wanted)
        if kind == "number" and sign in NUMBER_OPERATORS:
            number, order = self._number_value(), NUMBER_OPERATORS[sign]
            return lambda value: (
                isinstance(value, int | float)
                and not isinstance(value, bool)
                and bool(order(value, number))
            )
        if kind == "word" and sign in ("=", "!="):
            truth = self._truth()
            return lambda value: isinstance(value, bool) and (value == truth) == (sign == "=")
        self._fail(-1)

    def _take_word(self, word: str) -> bool:
        if self._at < len(self._tokens):
            kind, text = self._tokens[self._at]
            if kind == "word" and text.lower() == word:
                self._at += 1
                return True
        return False

    def _take(self, kind: str, text: str) -> bool:
        if self._tokens[self._at : self._at + 1] == [(kind, text)]:
            self._at += 1
            return True
        return False

    def _expect(self, sign: str) -> None:
        if not self._take("operator", sign):
            self._fail()

    def _next(self) -> tuple[str, str]:
        if self._at == len(self._tokens):
            raise InvalidFilter("The filter expression ends too early.")
        self._at += 1
        return self._tokens[self._at - 1]

    def _fail(self, offset: int = 0) -> NoReturn:
        at = self._at + offset
        if at >= len(self._tokens):
            raise InvalidFilter("The filter expression ends too early.")
        raise InvalidFilter(f"The filter expression has an unexpected '{self._tokens[at][1]}'.")

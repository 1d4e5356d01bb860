"""The handler is found by reading the code."""

from __future__ import annotations

import pytest

from lambdad.cli.failure import CommandError
from lambdad.cli.handlers import defines, find_handler

TAKES_BOTH = b"def %s(event, context): ...\n"


@pytest.mark.parametrize(
    ("sources", "handler"),
    [
        ({"app.py": TAKES_BOTH % b"handler"}, "app.handler"),
        ({"lambda_function.py": TAKES_BOTH % b"lambda_handler"}, "lambda_function.lambda_handler"),
        ({"main.py": TAKES_BOTH % b"main"}, "main.main"),
        ({"index.py": TAKES_BOTH % b"handler", "app.py": b""}, "index.handler"),
        (
            {"app.py": TAKES_BOTH % b"main" + TAKES_BOTH % b"handler"},
            "app.handler",
        ),
        ({"main.py": b"def main(): ...\n" + TAKES_BOTH % b"handler"}, "main.handler"),
        ({"app.py": b"handler = wrap(application)\n"}, "app.handler"),
        ({"app.py": b"handler: Handler = wrap(application)\n"}, "app.handler"),
        ({"app.py": b"from package.api import handler\n"}, "app.handler"),
        ({"app.py": b"try:\n    from a import handler\nexcept ImportError: ...\n"}, "app.handler"),
        ({"app.py": b"def handler(*arguments): ...\n"}, "app.handler"),
        ({"app.py": b"def handler(event, context, more=None): ...\n"}, "app.handler"),
        ({"orders.py": TAKES_BOTH % b"handler", "shared.py": b"x = 1\n"}, "orders.handler"),
        ({"app.py": b"syntax error here\n", "index.py": TAKES_BOTH % b"handler"}, "index.handler"),
    ],
)
def test_handler_is_found(sources: dict[str, bytes], handler: str) -> None:
    assert find_handler(sources) == handler


@pytest.mark.parametrize(
    "source",
    [
        b"def main(): ...\n",
        b"def handler(event): ...\n",
        b"def handler(a, b, c): ...\n",
        b"class handler: ...\n",
        b'if __name__ == "__main__":\n    def handler(event, context): ...\n',
        b"def outer():\n    def handler(event, context): ...\n",
    ],
)
def test_what_lambda_could_not_call_is_no_handler(source: bytes) -> None:
    with pytest.raises(CommandError, match="No handler was found"):
        find_handler({"app.py": source})


def test_nothing_is_imported_or_run() -> None:
    source = b"raise SystemExit('imported')\ndef handler(event, context): ...\n"
    assert find_handler({"app.py": source}) == "app.handler"


def test_several_handlers_are_named_for_the_user_to_choose() -> None:
    sources = {"a.py": TAKES_BOTH % b"handler", "b.py": TAKES_BOTH % b"lambda_handler"}
    with pytest.raises(CommandError, match=r"several handlers: a\.handler, b\.lambda_handler"):
        find_handler(sources)


def test_a_file_that_cannot_be_parsed_is_named() -> None:
    with pytest.raises(CommandError, match=r"app\.py has a syntax error"):
        find_handler({"app.py": b"def handler(:\n"})


def test_a_handler_is_defined_or_not() -> None:
    sources = {"app.py": TAKES_BOTH % b"handler"}
    assert defines(sources, "app.handler")
    assert not defines(sources, "app.other")
    assert not defines(sources, "gone.handler")

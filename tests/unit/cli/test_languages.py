"""What a package is written in, by the names of its files."""

from __future__ import annotations

import pytest

from lambdad.cli.languages import Written, find_language, handler_form


@pytest.mark.parametrize(
    ("names", "written"),
    [
        ({"index.mjs", "lib/x.mjs"}, Written("nodejs", "index.handler")),
        ({"lambda_function.rb"}, Written("ruby", "lambda_function.lambda_handler")),
        ({"app.rb", "Gemfile"}, Written("ruby", "app.lambda_handler")),
        ({"example/Handler.class"}, Written("java")),
        ({"lib/function.jar"}, Written("java")),
        ({"Function.dll", "Function.deps.json"}, Written("dotnet")),
        ({"app.py"}, None),
        ({"vendor/thing.dll", "main.c"}, None),
        (set(), None),
    ],
)
def test_the_names_of_files_tell_the_language(names: set[str], written: Written | None) -> None:
    assert find_language(names) == written


def test_people_are_told_how_handlers_of_a_language_are_named() -> None:
    assert handler_form("java21") == "package.Class::method"
    assert handler_form("provided.al2023") == ""

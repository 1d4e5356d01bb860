"""Names that say nothing are not used, and modules hold no state."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from source_files import SourceFile, source_files

BANNED_LAST_WORDS = {
    *("Manager", "Helper", "Util", "Utils", "Impl", "Factory", "Service", "Data", "Info"),
    "Handler",
}
BANNED_FIRST_WORDS = {"Base", "Abstract"}
BANNED_PREFIXES = ("do_", "process_")
BANNED_MODULES = {"util", "utils", "misc", "common", "core", "helpers"}
FILES = source_files()


def nodes(*kinds: type[ast.AST]) -> Iterator[tuple[SourceFile, Any]]:
    """Every syntax node of these kinds in the package."""
    for file in FILES:
        for node in ast.walk(file.tree):
            if isinstance(node, kinds):
                yield file, node


def words(name: str) -> list[str]:
    """`ExecutionEnvironment` as `['Execution', 'Environment']`."""
    return re.findall(r"[A-Z]+(?![a-z])|[A-Z][a-z0-9]*", name) or [name]


def says_nothing(node: ast.ClassDef) -> bool:
    if "logging.Handler" in [ast.unparse(base) for base in node.bases]:
        return False  # the standard library's own word
    first, *_, last = [*words(node.name), words(node.name)[-1]]
    return last in BANNED_LAST_WORDS or first in BANNED_FIRST_WORDS


def test_class_names_say_what_the_thing_is() -> None:
    assert [
        f"{file}: {node.name}" for file, node in nodes(ast.ClassDef) if says_nothing(node)
    ] == []


def test_function_names_say_what_is_done() -> None:
    functions = nodes(ast.FunctionDef, ast.AsyncFunctionDef)
    wrong = [
        f"{file}: {node.name}"
        for file, node in functions
        if node.name.lstrip("_").startswith(BANNED_PREFIXES)
    ]
    assert wrong == []


def test_module_names_say_what_is_inside() -> None:
    assert [str(file) for file in FILES if set(file.parts) & BANNED_MODULES] == []


def test_every_module_says_what_it_is_for() -> None:
    assert [str(file) for file in FILES if not ast.get_docstring(file.tree)] == []


def test_no_function_changes_a_module_variable() -> None:
    assert [f"{file}:{node.lineno}" for file, node in nodes(ast.Global)] == []


def test_nothing_is_left_for_later() -> None:
    marks = re.compile(r"\b(TODO|FIXME|HACK|XXX)\b")
    assert [str(file) for file in FILES if marks.search(file.path.read_text())] == []

"""What language a package is in, as far as the names of its files tell.

A file that AWS's console or AWS SAM begins a function with also tells the handler.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

NODEJS, RUBY, JAVA, DOTNET = "nodejs", "ruby", "java", "dotnet"
_BEGINNINGS = {
    "index.mjs": (NODEJS, "index.handler"),
    "index.js": (NODEJS, "index.handler"),
    "index.cjs": (NODEJS, "index.handler"),
    "lambda_function.rb": (RUBY, "lambda_function.lambda_handler"),
    "app.rb": (RUBY, "app.lambda_handler"),
}
_BUILT = (
    (re.compile(r"[^/]+\.(deps|runtimeconfig)\.json|[^/]+\.dll"), DOTNET),
    (re.compile(r".+\.class|lib/[^/]+\.jar"), JAVA),
)
# AWS's newest; the server takes the nearest that it has.
NEWEST = {NODEJS: "nodejs24.x", RUBY: "ruby3.4", JAVA: "java25", DOTNET: "dotnet10"}
NOT_AWSS = {"ruby2.6", "ruby3.0", "ruby3.1"}  # versions that AWS has never had
HANDLERS = {
    NODEJS: "file.export",
    RUBY: "file.method",
    JAVA: "package.Class::method",
    DOTNET: "Assembly::Namespace.Class::Method",
}


@dataclass(frozen=True, slots=True)
class Written:
    """A language, as the identifiers of its runtimes begin, and a handler if one is known."""

    language: str
    handler: str | None = None


def find_language(names: Collection[str]) -> Written | None:
    """The language of a package with files of these names; None for Python's and others."""
    for name, (language, handler) in _BEGINNINGS.items():
        if name in names:
            return Written(language, handler)
    for pattern, language in _BUILT:
        if any(pattern.fullmatch(name) for name in names):
            return Written(language)
    return None


def handler_form(runtime: str) -> str:
    """How handlers of a runtime are named, for people; "" when nobody knows."""
    return next((form for name, form in HANDLERS.items() if runtime.startswith(name)), "")

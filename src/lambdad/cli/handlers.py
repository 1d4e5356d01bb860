"""Find the handler in a package's Python files, by reading them: nothing is imported or run.

The names are looked for in this order, first by file, then by function:

    app.py  lambda_function.py  main.py  index.py  handler.py        handler  lambda_handler  main

A function counts when it can take an event and a context. A package that keeps to none of these
file names may have one handler in any one file.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping

from lambdad.cli.failure import CommandError, ExitCode

_FILES = ("app.py", "lambda_function.py", "main.py", "index.py", "handler.py")
_FUNCTIONS = ("handler", "lambda_handler", "main")
_ARGUMENTS = 2  # event and context


def find_handler(sources: Mapping[str, bytes]) -> str:
    """The handler, as `module.function`, among the top-level files `sources` (name to text)."""
    for file in _FILES:
        for function in _handlers_in(sources.get(file, b"")):
            return f"{file.removesuffix('.py')}.{function}"
    others = [name for name in sorted(sources) if name.endswith(".py") and name not in _FILES]
    found = [
        f"{name.removesuffix('.py')}.{functions[0]}"
        for name in others
        if (functions := _handlers_in(sources[name]))
    ]
    if len(found) == 1:
        return found[0]
    raise CommandError(
        _several(found) if found else _none(sources), ExitCode.USAGE, name="NoHandler"
    )


def defines(sources: Mapping[str, bytes], handler: str) -> bool:
    """Does one of `sources` define `handler`?"""
    module, _, function = handler.rpartition(".")
    tree = _parse(sources.get(f"{module}.py", b""))
    return tree is not None and function in dict(_definitions(tree.body))


def _handlers_in(source: bytes) -> list[str]:
    """Names of `_FUNCTIONS` that the file defines so that they can take event and context."""
    tree = _parse(source)
    if tree is None:
        return []
    fits = dict(_definitions(tree.body))
    return [name for name in _FUNCTIONS if fits.get(name)]


def _parse(source: bytes) -> ast.Module | None:
    """The file's tree; None when this Python cannot read it (the function's may be newer)."""
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError):
        return None


def _definitions(body: Iterable[ast.stmt]) -> Iterator[tuple[str, bool]]:
    """Each name that `body` binds at module level, and whether it may be a handler."""
    for statement in body:
        match statement:
            case ast.FunctionDef(name=name, args=arguments):
                yield name, _takes_event_and_context(arguments)
            case ast.Assign(targets=targets):
                yield from ((t.id, True) for t in targets if isinstance(t, ast.Name))
            case ast.AnnAssign(target=ast.Name(id=name)):
                yield name, True
            case ast.ImportFrom(names=names):
                yield from ((alias.asname or alias.name, True) for alias in names)
            case ast.If(body=inner, orelse=orelse):
                if not _is_main_guard(statement):
                    yield from _definitions([*inner, *orelse])
            case ast.Try(body=inner, orelse=orelse, handlers=handlers):
                caught = [inside for handler in handlers for inside in handler.body]
                yield from _definitions([*inner, *orelse, *caught])


def _takes_event_and_context(arguments: ast.arguments) -> bool:
    positional = len(arguments.posonlyargs) + len(arguments.args)
    required = positional - len(arguments.defaults)
    return required <= _ARGUMENTS and (positional >= _ARGUMENTS or arguments.vararg is not None)


def _is_main_guard(statement: ast.If) -> bool:
    """Is it `if __name__ == "__main__":`, which Lambda never enters?"""
    return any(
        isinstance(node, ast.Name) and node.id == "__name__" for node in ast.walk(statement.test)
    )


def _several(found: list[str]) -> str:
    return f"There are several handlers: {', '.join(found)}. Choose one with --handler."


def _none(sources: Mapping[str, bytes]) -> str:
    unreadable = [
        name for name in sorted(sources) if name.endswith(".py") and _parse(sources[name]) is None
    ]
    note = f" {', '.join(unreadable)} has a syntax error." if unreadable else ""
    return (
        f"No handler was found.{note} Looked in {', '.join(_FILES)} for "
        f"{', '.join(_FUNCTIONS)} with the arguments event and context. "
        "Name yours with --handler module.function."
    )

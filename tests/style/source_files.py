"""The package as its rules see it: files, the room each is in, and what each imports."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "lambdad"


@dataclass(frozen=True)
class SourceFile:
    """One module of the package."""

    path: Path

    def __str__(self) -> str:
        return str(self.path.relative_to(ROOT))

    @property
    def parts(self) -> tuple[str, ...]:
        """Where it is: `('services', 'lambda_', 'invoke')`."""
        return self.path.relative_to(PACKAGE).with_suffix("").parts

    @property
    def room(self) -> str:
        """The first of its parts: a directory, or a module at the top."""
        return self.parts[0]

    @cached_property
    def tree(self) -> ast.Module:
        """The parsed file."""
        return ast.parse(self.path.read_text(), str(self.path))

    @cached_property
    def imports(self) -> list[str]:
        """Dotted names of what it imports, wherever the statement stands; `from a import b` is
        `a.b`. Imports for type checkers alone count too: they are arrows all the same."""
        return list(self._imports())

    def _imports(self) -> Iterator[str]:
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                prefix = ".".join(self._base(node.level)) if node.level else ""
                module = ".".join(part for part in (prefix, node.module) if part)
                yield from (f"{module}.{alias.name}" for alias in node.names)

    def _base(self, level: int) -> tuple[str, ...]:
        """The package that a relative import starts from."""
        return ("lambdad", *self.parts)[:-level]

    @property
    def rooms_imported(self) -> set[str]:
        """The rooms of lambdad that it reaches into."""
        return {
            name.split(".")[1]
            for name in self.imports
            if name.startswith("lambdad.") and name.split(".")[1] != "__version__"
        }

    @property
    def outsiders(self) -> set[str]:
        """Top-level packages that are neither the standard library's nor ours."""
        tops = {name.split(".")[0] for name in self.imports}
        return tops - set(sys.stdlib_module_names) - {"lambdad", "__future__"}


def source_files() -> list[SourceFile]:
    """Every Python file of the package."""
    return [SourceFile(path) for path in sorted(PACKAGE.rglob("*.py"))]

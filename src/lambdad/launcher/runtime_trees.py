"""What an interpreter finds at /var/runtime: lambdad's runtime, for Python the AWS SDK with
bytecode, and for languages that are compiled what came of it.

A tree is made once per interpreter below the data directory, by the launcher and out of its own
installation, so that nothing that a function or the node can write is ever imported by a zygote.

    <data>/runtimes/python3.12-<fingerprint>/runtime/…   the runtime, boto3, botocore, …
                                             source/…    lambdad.launcher, for the zygote
                    java17-<fingerprint>/runtime/…       another language's runtime
"""

from __future__ import annotations

import errno
import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

import lambdad
from lambdad.launcher.interpreters import Interpreter
from lambdad.launcher.languages import Installed

_SDK = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "six", "urllib3")
_NO_BYTECODE = shutil.ignore_patterns("__pycache__")
# What `lambdad doctor` asks is asked outside of sandboxes.
_NOT_FOR_A_ZYGOTE = shutil.ignore_patterns("__pycache__", "probes", "findings")
_COMPILE = "import compileall, sys; compileall.compile_dir(sys.argv[1], quiet=2)"


class RuntimeTrees:
    """The trees of one server."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._package = Path(lambdad.__file__).parent
        self._sdk = [path for name in _SDK if (path := _where(name))]
        directory.mkdir(parents=True, exist_ok=True)
        directory.chmod(0o755)

    def path(self, interpreter: Interpreter) -> Path:
        """Where the tree of `interpreter` is, or will be once `make` has returned."""
        return self._directory / f"{interpreter.name}-{self._fingerprint(interpreter)}"

    def make(self, interpreter: Interpreter) -> Path:
        """Make the tree unless it is there; several may try at once, one wins. OSError when it
        cannot be made, and nothing is left."""

        def fill(tree: Path) -> None:
            self._fill(tree, interpreter)
            _compile(interpreter, tree)

        return self._make(self.path(interpreter), fill)

    def path_of_language(self, installed: Installed) -> Path:
        """Where the tree of another language's interpreter is, or will be."""
        return self._directory / f"{installed.interpreter.name}-{self._print_of(installed)}"

    def make_language(self, installed: Installed) -> Path:
        """The same as `make`, for another language than Python."""
        language = installed.language

        def fill(tree: Path) -> None:
            runtime = tree / "runtime"
            shutil.copytree(
                self._package / "runtimes" / language.name, runtime, ignore=_NO_BYTECODE
            )
            if language.build is not None:
                language.build(installed.interpreter, runtime)

        return self._make(self.path_of_language(installed), fill)

    def _make(self, path: Path, fill: Callable[[Path], None]) -> Path:
        if not path.exists():
            unfinished = Path(tempfile.mkdtemp(prefix=".unfinished-", dir=self._directory))
            try:
                fill(unfinished)
                unfinished.chmod(0o755)
                _rename_unless_there(unfinished, path)
            finally:
                shutil.rmtree(unfinished, ignore_errors=True)
        return path

    def remove_unfinished(self) -> None:
        """Remove what a killed server was in the middle of."""
        for leftover in self._directory.glob(".unfinished-*"):
            shutil.rmtree(leftover)

    def _fill(self, tree: Path, interpreter: Interpreter) -> None:
        runtime, source = tree / "runtime", tree / "source/lambdad"
        shutil.copytree(self._package / "runtimes/python", runtime, ignore=_NO_BYTECODE)
        for part in self._sdk if _can_import_sdk(interpreter) else ():
            if part.is_dir():
                shutil.copytree(part, runtime / part.name, copy_function=_link_or_copy)
            else:
                shutil.copy2(part, runtime / part.name)
        shutil.copytree(self._package / "launcher", source / "launcher", ignore=_NOT_FOR_A_ZYGOTE)
        shutil.copy2(self._package / "__init__.py", source)

    def _fingerprint(self, interpreter: Interpreter) -> str:
        """Differs whenever the runtime, the SDK or the interpreter does."""
        own = [
            *self._package.rglob("runtimes/python/**/*.py"),
            *self._package.glob("launcher/**/*.py"),
            *self._package.glob("launcher/*.json"),
        ]
        return _fingerprint(interpreter, [*own, *self._sdk])

    def _print_of(self, installed: Installed) -> str:
        name = installed.language.name
        own = self._package.rglob(f"runtimes/{name}/**/*.*")
        how = self._package.glob(f"launcher/languages/{name}.py")
        return _fingerprint(installed.interpreter, [*own, *how])


def _fingerprint(interpreter: Interpreter, sources: Iterable[Path]) -> str:
    facts = [interpreter.version, interpreter.executable]
    facts += [f"{path} {path.stat().st_mtime_ns}" for path in sorted(sources)]
    return hashlib.sha256("\n".join(facts).encode()).hexdigest()[:16]


def _where(name: str) -> Path | None:
    """The directory or file of an installed module, which is not imported for this."""
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        return None
    origin = Path(spec.origin)
    return origin.parent if origin.name == "__init__.py" else origin


def _can_import_sdk(interpreter: Interpreter) -> bool:
    """Whether the SDK that is installed here is for interpreters as old as this one."""
    from importlib import metadata  # heavy, and only needed in the process that makes a tree

    required = metadata.metadata("botocore")["Requires-Python"] or ""
    oldest = re.search(r">=\s*3\.(\d+)", required)
    return oldest is None or int(interpreter.version.split(".")[1]) >= int(oldest[1])


def _link_or_copy(source: str, target: str) -> None:
    """The SDK is 35 MB: a second name for its files, where the file system allows one."""
    if source.endswith((".pyc", ".pyi")):
        shutil.copy2(source, target)
        return
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def _compile(interpreter: Interpreter, tree: Path) -> None:
    command = [interpreter.executable, "-I", "-S", "-c", _COMPILE, str(tree)]
    status = subprocess.run(command, stdin=subprocess.DEVNULL, env={}, check=False)  # noqa: S603
    if status.returncode != 0:
        raise OSError(f"{interpreter.executable} could not compile (status {status.returncode})")


def _rename_unless_there(unfinished: Path, path: Path) -> None:
    try:
        unfinished.rename(path)
    except OSError as error:
        if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
            raise

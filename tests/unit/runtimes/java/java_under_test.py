"""Where the Java runtime is, what runs it, and how functions for it are compiled."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

import lambdad
from lambdad.launcher.interpreters import Interpreter
from lambdad.launcher.languages import java

RUNTIME = Path(lambdad.__file__).parent / "runtimes/java"
ZOO = Path(__file__).parent / "functions"
MEMORY_MB = 256


def find_java() -> Interpreter | None:
    """The oldest JDK of this machine."""
    found = sorted(java.find(), key=lambda interpreter: int(interpreter.name[4:]))
    return found[0] if found else None


def build_runtime(interpreter: Interpreter, directory: Path) -> None:
    """What the launcher does once per machine."""
    shutil.copytree(RUNTIME, directory)
    java.build(interpreter, directory)


def compile_function(
    interpreter: Interpreter, sources: Iterable[Path], classes: Path, class_path: Iterable[Path]
) -> None:
    """Compile what a developer of functions would."""
    compiler = Path(interpreter.executable).parent / "javac"
    path = ":".join(str(entry) for entry in class_path)
    files = [str(source) for source in sources]
    options = ["-encoding", "UTF-8", "-cp", path, "-d", str(classes)]
    subprocess.run([str(compiler), *options, *files], check=True)

"""The least function in every language, built as its users build it."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.machine import runtime
from benchmarks.packages import FUNCTIONS, build
from lambdad.launcher.interpreters import Interpreter
from lambdad.launcher.languages import find_languages

_EXECUTABLE = 0o755


@dataclass(frozen=True, slots=True)
class Trivial:
    """`language`, and what CreateFunction is told; `package` makes the zip. The nearest version of
    a language may stand in for `runtime`."""

    language: str
    runtime: str
    handler: str
    package: Callable[[], bytes]


def trivial_functions() -> list[Trivial]:
    """One for each language that this machine has."""
    found = {name: each.interpreter for name, each in find_languages().items()}
    newest = {_language(name): found[name] for name in found}
    functions = [Trivial("python", runtime(), "trivial.handler", lambda: build("trivial"))]
    for asked, handler in (
        ("nodejs22.x", "index.handler"),
        ("ruby3.3", "app.handler"),
        ("java17", "Trivial::handleRequest"),
        ("dotnet8", "Trivial::Trivial::Handle"),
    ):
        language = _language(asked)
        if interpreter := newest.get(language):
            package = _PACKAGES[language](interpreter)
            functions.append(Trivial(language, asked, handler, package))
    if shutil.which("go"):
        functions.append(Trivial("go", "provided.al2023", "bootstrap", _go))
    if shutil.which("cc"):
        functions.append(Trivial("c", "provided.al2023", "bootstrap", _c))
    return functions


def _language(name: str) -> str:
    return next(each for each in _PACKAGES if name.startswith(each))


def _sources(language: str) -> Callable[[Interpreter], Callable[[], bytes]]:
    return lambda interpreter: lambda: _zip(FUNCTIONS / f"trivial_{language}")


def _java(interpreter: Interpreter) -> Callable[[], bytes]:
    """Compiled against the interfaces, into a jar, as the zip that is uploaded is one."""

    def package() -> bytes:
        tools = Path(interpreter.executable).parent
        with tempfile.TemporaryDirectory() as directory:
            interfaces = Path(__file__).parents[1] / "src/lambdad/runtimes/java"
            own = [str(path) for path in interfaces.glob("**/com/amazonaws/**/*.java")]
            source = str(FUNCTIONS / "trivial_java/Trivial.java")
            _run([str(tools / "javac"), "--release", "11", "-d", directory, source, *own])
            shutil.rmtree(Path(directory) / "com")  # which the runtime provides
            return _zip(Path(directory))

    return package


def _dotnet(interpreter: Interpreter) -> Callable[[], bytes]:
    def package() -> bytes:
        sdk = Path(interpreter.prefix)
        (compiler,) = sdk.glob("sdk/*/Roslyn/bincore/csc.dll")
        (framework,) = sdk.glob("packs/Microsoft.NETCore.App.Ref/*/ref/*")
        with tempfile.TemporaryDirectory() as directory:
            references = [f"-r:{path}" for path in framework.glob("*.dll")]
            source = str(FUNCTIONS / "trivial_dotnet/Trivial.cs")
            arguments = ["-nologo", "-noconfig", "-o+", "-target:library"]
            output = f"-out:{directory}/Trivial.dll"
            command = [interpreter.executable, "exec", str(compiler), *arguments, output]
            _run(
                [*command, source, *references],
                DOTNET_SYSTEM_GLOBALIZATION_INVARIANT="1",
                LD_LIBRARY_PATH=f"{sdk}/lib",
            )
            return _zip(Path(directory))

    return package


def _go() -> bytes:
    with tempfile.TemporaryDirectory() as directory:
        command = ["go", "build", "-trimpath", "-tags", "lambda.norpc", "-ldflags", "-s -w"]
        command += ["-o", f"{directory}/bootstrap", "."]
        _run(command, FUNCTIONS / "trivial_go", CGO_ENABLED="0")
        return _zip(Path(directory))


def _c() -> bytes:
    with tempfile.TemporaryDirectory() as directory:
        source = str(FUNCTIONS / "trivial_c/bootstrap.c")
        _run(["cc", "-O2", "-static", "-o", f"{directory}/bootstrap", source])
        return _zip(Path(directory))


_PACKAGES: dict[str, Callable[[Interpreter], Callable[[], bytes]]] = {
    "nodejs": _sources("nodejs"),
    "ruby": _sources("ruby"),
    "java": _java,
    "dotnet": _dotnet,
}


def _run(command: Sequence[str], directory: Path | None = None, **variables: str) -> None:
    environment = {**os.environ, **variables}
    subprocess.run(command, cwd=directory, env=environment, check=True, stdout=subprocess.DEVNULL)


def _zip(directory: Path) -> bytes:
    """The files beneath `directory`, each of which may be run."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(directory.rglob("*")):
            if path.is_file():
                entry = zipfile.ZipInfo(str(path.relative_to(directory)))
                entry.external_attr = _EXECUTABLE << 16
                archive.writestr(entry, path.read_bytes())
    return content.getvalue()

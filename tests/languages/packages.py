"""The deployment package of each language, built once a run, and what this machine lacks for it."""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

import lambdad
from lambdad.launcher.languages import dotnet as dotnet_language
from lambdad.launcher.languages import java as java_language
from lambdad.launcher.languages import nodejs as nodejs_language
from lambdad.launcher.languages import ruby as ruby_language
from support.cache import OFFICIAL_CLIENTS
from support.packages import ZOO, directory_files, make_zip, zoo_files

BOOTSTRAP = "bootstrap"
_JAVA_INTERFACES = Path(lambdad.__file__).parent / "runtimes/java/com"
_OLDEST_GO = 21  # what AWS's client logs with is in Go from 1.21 on
_OLDEST_RUST = 85
_BUILT_RUST = OFFICIAL_CLIENTS / "rust"  # `make setup` has built it once: that takes a minute


@functools.cache
def python() -> bytes:
    return make_zip(zoo_files("python"))


@functools.cache
def nodejs() -> bytes:
    return make_zip(zoo_files("nodejs"))


def find_nodejs() -> str:
    return "" if nodejs_language.find() else "there is no Node.js on this machine"


@functools.cache
def ruby() -> bytes:
    return make_zip(zoo_files("ruby"))


def find_ruby() -> str:
    return "" if ruby_language.find() else "there is no Ruby on this machine"


@functools.cache
def find_java() -> str:
    return "" if java_language.find() else "there is no JDK on this machine"


@functools.cache
def java() -> bytes:
    return make_zip(java_classes())


@functools.cache
def java_classes() -> Mapping[str, bytes]:
    """As in the jar of a function."""
    return _compiled_java(ZOO / "java/Conformance.java", *_JAVA_INTERFACES.rglob("*.java"))


@functools.cache
def java_layer() -> Mapping[str, bytes]:
    """A jar."""
    return {"java/lib/luck.jar": make_zip(_compiled_java(ZOO / "java/layer/Luck.java"))}


def _compiled_java(source: Path, *interfaces: Path) -> Mapping[str, bytes]:
    """What comes of a source; the interfaces that it needs are the runtime's own."""
    compiler = Path(java_language.find()[0].executable).with_name("javac")
    with tempfile.TemporaryDirectory() as classes:
        options = ["-encoding", "UTF-8", "--release", "11", "-d", classes]
        _compile("java", [str(compiler), *options, str(source), *map(str, interfaces)])
        shutil.rmtree(Path(classes) / "com", ignore_errors=True)
        return directory_files(Path(classes))


@functools.cache
def find_dotnet() -> str:
    return "" if dotnet_language.find() else "there is no .NET SDK on this machine"


@functools.cache
def dotnet() -> bytes:
    """The assembly, and the one of the library that its handler is written against."""
    from csharp import compile_function

    with tempfile.TemporaryDirectory() as name:
        directory = compile_function([ZOO / "dotnet/Function.cs"], "Function", Path(name))
        return make_zip({path.name: path.read_bytes() for path in directory.glob("*.dll")})


@functools.cache
def find_go() -> str:
    compiler = shutil.which("go")
    said = subprocess.check_output([compiler, "version"], text=True) if compiler else ""
    version = re.search(r"go1\.(\d+)", said)
    if version is None or int(version[1]) < _OLDEST_GO:
        return f"there is no Go 1.{_OLDEST_GO} or newer on this machine"
    download = subprocess.run(["go", "mod", "download"], cwd=ZOO / "go", check=False)
    return "AWS's client for Go cannot be downloaded" if download.returncode else ""


@functools.cache
def go() -> bytes:
    """The program, with AWS's own client for Go."""
    return _compiled("go", ["go", "build", "-tags", "lambda.norpc", "-o"], ["."])


@functools.cache
def find_rust() -> str:
    compiler = shutil.which("cargo")
    said = subprocess.check_output([compiler, "--version"], text=True) if compiler else ""
    version = re.search(r"cargo 1\.(\d+)", said)
    if version is None or int(version[1]) < _OLDEST_RUST:
        return f"there is no Rust 1.{_OLDEST_RUST} or newer on this machine"
    fetch = subprocess.run(["cargo", "fetch", "--locked", "-q"], cwd=ZOO / "rust", check=False)
    return "AWS's client for Rust cannot be downloaded" if fetch.returncode else ""


@functools.cache
def rust() -> bytes:
    """The program, with AWS's own client for Rust."""
    options = ["--quiet", "--release", "--locked", "--target-dir", str(_BUILT_RUST)]
    _compile("rust", ["cargo", "build", *options])
    return make_zip({BOOTSTRAP: (_BUILT_RUST / "release" / BOOTSTRAP).read_bytes()}, [BOOTSTRAP])


def find_c() -> str:
    return "" if shutil.which("cc") else "there is no C compiler on this machine"


@functools.cache
def c() -> bytes:
    return _compiled("c", ["cc", "-O1", "-o"], ["bootstrap.c", "json.c", "runtime_api.c", "-ldl"])


@functools.cache
def c_layer() -> Mapping[str, bytes]:
    """A shared library."""
    with tempfile.TemporaryDirectory() as name:
        library = Path(name) / "libluck.so"
        _compile("c", ["cc", "-shared", "-fPIC", "-o", str(library), "layer/luck.c"])
        return {"lib/libluck.so": library.read_bytes()}


def _compiled(language: str, compiler: list[str], sources: list[str]) -> bytes:
    with tempfile.TemporaryDirectory() as name:
        program = Path(name) / BOOTSTRAP
        _compile(language, [*compiler, str(program), *sources])
        return make_zip({BOOTSTRAP: program.read_bytes()}, [BOOTSTRAP])


def _compile(language: str, command: list[str]) -> None:
    done = subprocess.run(
        command,
        cwd=ZOO / language,
        env={**os.environ, "CGO_ENABLED": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr

"""Java: the development kits of this machine, and how one of them runs a function.

What is copied from `runtimes/java` is compiled once per machine, next to its sources:

    lambdad.jar    the runtime
    lambdad.jsa    its classes and Java's as they are in memory, shared by all sandboxes
"""

from __future__ import annotations

import glob
import os
import re
import shutil
import subprocess
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

from lambdad.launcher.asking import answers_of
from lambdad.launcher.interpreters import Interpreter

# Java takes the encoding of file names from its locale when it starts, and from nowhere else.
VARIABLES = {"LC_ALL": "C.UTF-8"}
# Where Debian keeps what its kits link to.
TREES = ("/etc/java-*",)

_PLACES = (
    "/usr/lib/jvm/*", "/usr/java/*", "/opt/java/*", "/opt/jdk*",
    "~/.jdks/*", "~/.sdkman/candidates/java/*",
)  # fmt: skip
_OLDEST = 11
_BUILD_SECONDS = 120
_VERSION = re.compile(r"^\S+ ((\d+)[\w.+-]*)", re.MULTILINE)
# Opened are environment variables, file descriptors, and memory outside of the heap. A line of a
# manifest has 72 bytes at most.
_MANIFEST = """\
Manifest-Version: 1.0
Main-Class: lambdad.runtime.Bootstrap
Add-Opens: java.base/java.lang java.base/java.io java.base/jdk.internal
 .misc
"""
_OPTIONS = (
    "-Xms16m",  # a heap that starts small takes less of the machine while it waits
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",  # C1 alone: what C2 would win comes too late for most functions
    "-XX:-UsePerfData",
    "-Xshare:auto",
    "-Xlog:disable",  # an archive that does not fit is no message of the function
    "-Dfile.encoding=UTF-8",
    "-Dsun.nio.fs.chdirAllowed=true",  # what is mounted at the working directory counts
    "-Dsun.net.inetaddr.negative.ttl=1",
)
_SANDBOXES_DIRECTORY = "/var/runtime"
_ARCHIVE = "classes.jsa"
_IN_THE_MAKING = f"/tmp/{_ARCHIVE}"  # noqa: S108 - in a sandbox, where it is its own
# An archive is only good for the class path that it was made with.
_AS_IN_SANDBOXES = f"""
mount --bind "$1" /mnt && mount -t tmpfs none /var && mkdir -p {_SANDBOXES_DIRECTORY} &&
mount --bind /mnt {_SANDBOXES_DIRECTORY} && shift && exec "$@"
"""


def find() -> list[Interpreter]:
    """The development kits of Java 11 or newer, each as the managed runtime of its version."""
    answers = answers_of((f"{home}/bin/java" for home in sorted(_homes())), ["--version"])
    found = [_interpreter(path, answer) for path, answer in answers.items()]
    return [interpreter for interpreter in found if interpreter]


def command(executable: str, directory: str, memory_mb: int) -> list[str]:
    """The command line of a sandbox; the heap gets the share of the memory that AWS gives it."""
    heap = f"-Xmx{memory_mb * 1024 * 85 // 100}k"
    jar = ["-jar", f"{directory}/lambdad.jar"]
    if directory != _SANDBOXES_DIRECTORY:  # to try the archive would only take time
        return [executable, heap, *_OPTIONS, *jar]
    archive = f"-XX:SharedArchiveFile={directory}/lambdad.jsa"
    return [executable, heap, *_OPTIONS, archive, *jar]


def make_archive(command: list[str]) -> list[str]:
    """The command line that writes the archive of a function's classes to its output; it is nice to
    functions that run meanwhile."""
    options = command[: command.index("-jar")]
    kept = f"-XX:ArchiveClassesAtExit={_IN_THE_MAKING}"
    program = ["-cp", command[-1], "lambdad.runtime.ClassArchive"]
    script = f'nice -n 19 "$@" >/dev/null 2>&1 && exec cat {_IN_THE_MAKING}'
    return ["/bin/sh", "-c", script, "sh", *options, kept, *program]


def use_archive(command: list[str], directory: str) -> list[str]:
    """The command line with the archive in `directory`, above that of the runtime. One that does
    not fit is passed over by Java."""
    above = f":{directory}/{_ARCHIVE}"
    return [
        option + above if option.startswith("-XX:SharedArchiveFile=") else option
        for option in command
    ]


def build(interpreter: Interpreter, directory: Path) -> None:
    """Compile the runtime in `directory`; OSError when that fails. The archive only saves time and
    memory, and is left out where it cannot be made."""
    with tempfile.TemporaryDirectory(dir=directory.parent) as classes:
        _compile(interpreter, directory, Path(classes))
        _pack(Path(classes), directory / "lambdad.jar")
    _archive(interpreter, directory)


def _homes() -> set[str]:
    """Where there is a compiler, by its real path."""
    candidates = [os.environ.get("JAVA_HOME", "")]
    for place in _PLACES:
        candidates += glob.glob(os.path.expanduser(place))
    on_path = shutil.which("javac")
    if on_path:
        candidates.append(os.path.dirname(os.path.dirname(os.path.realpath(on_path))))
    return {os.path.realpath(home) for home in candidates if home and _has_compiler(home)}


def _has_compiler(home: str) -> bool:
    return all(os.access(f"{home}/bin/{program}", os.X_OK) for program in ("java", "javac"))


def _interpreter(path: str, answer: str) -> Interpreter | None:
    """Only kits are asked, so the programs of one stand in its `bin`."""
    version = _VERSION.search(answer)
    if version is None or int(version[2]) < _OLDEST:
        return None
    home = os.path.dirname(os.path.dirname(path))
    return Interpreter(f"java{version[2]}", version[1], os.path.realpath(path), home)


def _compile(interpreter: Interpreter, sources: Path, classes: Path) -> None:
    compiler = os.path.join(os.path.dirname(interpreter.executable), "javac")
    files = [str(path) for path in sorted(sources.rglob("*.java"))]
    # The runtime sees this Java as it is inside, which --release would hide. What the `+` of texts
    # is linked to by default takes a start some 20 ms to make.
    level = [f"--{what}={_OLDEST}" for what in ("source", "target")]
    inside = ["--add-exports=java.base/jdk.internal.misc=ALL-UNNAMED", "-XDstringConcat=inline"]
    options = [*level, *inside, "-nowarn", "-encoding", "UTF-8", "-proc:none", "-d", str(classes)]
    _run([compiler, "-J-Xshare:auto", *options, *files])


def _pack(classes: Path, jar: Path) -> None:
    """Classes as they are: to inflate them would take longer than to read them."""
    with zipfile.ZipFile(jar, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("META-INF/MANIFEST.MF", _MANIFEST)
        for path in sorted(classes.rglob("*.class")):
            archive.write(path, str(path.relative_to(classes)))


def _archive(interpreter: Interpreter, directory: Path) -> None:
    """Rehearse once to learn which classes are needed, and keep them."""
    used = f"{_SANDBOXES_DIRECTORY}/classes.list"
    # Of a heap of G1 most Javas can keep objects, which those with another heap can load.
    start = [interpreter.executable, "-XX:+UseG1GC", "-Xlog:disable"]
    jar = ["-jar", f"{_SANDBOXES_DIRECTORY}/lambdad.jar"]
    dump = ["-Xshare:dump", f"-XX:SharedArchiveFile={_SANDBOXES_DIRECTORY}/lambdad.jsa"]
    steps = (
        [*start, "-Xshare:off", f"-XX:DumpLoadedClassList={used}", *jar],
        [*start, *dump, f"-XX:SharedClassListFile={used}", *jar],
    )
    try:
        for step in steps:
            _run([*_as_in_sandboxes(directory), *step])
    except OSError:
        (directory / "lambdad.jsa").unlink(missing_ok=True)
    (directory / "classes.list").unlink(missing_ok=True)


def _as_in_sandboxes(directory: Path) -> Iterator[str]:
    """Programs see `directory` where sandboxes see it."""
    yield "unshare"
    if os.geteuid() != 0:
        yield from ("--user", "--map-root-user")
    yield from ("--mount", "sh", "-c", _AS_IN_SANDBOXES, "sh", str(directory))


def _run(arguments: list[str]) -> None:
    """Run a program to its end; it has no input, so a runtime that waits is not needed."""
    try:
        done = subprocess.run(  # noqa: S603 - programs that the operator installed
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "_LAMBDAD_WAITS": "1", **VARIABLES},
            timeout=_BUILD_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise OSError(f"{arguments[0]} did not end in {_BUILD_SECONDS} seconds") from error
    if done.returncode != 0:
        text = done.stdout.decode("utf-8", "replace").strip()
        raise OSError(f"{arguments[0]} failed with status {done.returncode}: {text}")

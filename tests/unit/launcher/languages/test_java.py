"""Finding Java, compiling the runtime for it, and starting it."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

import lambdad
from lambdad.launcher import asking
from lambdad.launcher.interpreters import Interpreter
from lambdad.launcher.languages import java

RUNTIME = Path(lambdad.__file__).parent / "runtimes/java"
SAYS = "#!/bin/sh\necho 'openjdk {} 2025-04-15'\n"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only place in which Java is looked for."""
    monkeypatch.setattr(java, "_PLACES", (f"{tmp_path}/*",))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    return tmp_path


def install(home: Path, script: str, programs: tuple[str, ...] = ("java", "javac")) -> Path:
    """A kit whose programs are this script."""
    (home / "bin").mkdir(parents=True)
    for name in programs:
        (home / "bin" / name).write_text(script)
        (home / "bin" / name).chmod(0o755)
    return home


@pytest.mark.parametrize(
    ("version", "name"),
    [("11.0.2", "java11"), ("17.0.15", "java17"), ("21", "java21"), ("25.0.3", "java25")],
)
def test_a_kit_is_the_runtime_of_its_version(home: Path, version: str, name: str) -> None:
    kit = install(home / "kit", SAYS.format(version))
    assert java.find() == [Interpreter(name, version, f"{kit}/bin/java", str(kit))]


def test_a_kit_with_several_names_is_found_once(home: Path) -> None:
    kit = install(home / "kit", SAYS.format("17.0.1"))
    (home / "another").symlink_to(kit)
    assert len(java.find()) == 1


def test_java_home_is_looked_at(
    home: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    kit = install(tmp_path_factory.mktemp("elsewhere") / "kit", SAYS.format("17.0.1"))
    monkeypatch.setenv("JAVA_HOME", str(kit))
    assert [interpreter.prefix for interpreter in java.find()] == [str(kit)]


@pytest.mark.parametrize("script", [SAYS.format("1.8.0_402"), "#!/bin/sh\nexit 1\n", "", "MZ"])
def test_what_is_too_old_or_no_java_is_passed_over(home: Path, script: str) -> None:
    install(home / "kit", script)
    assert java.find() == []


def test_without_a_compiler_there_is_no_kit(home: Path) -> None:
    install(home / "jre", SAYS.format("17.0.1"), programs=("java",))
    assert java.find() == []


def test_one_that_says_nothing_is_given_up(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "_ANSWER_SECONDS", 0.05)
    install(home / "kit", "#!/bin/sh\nexec /bin/sleep 60\n")
    assert java.find() == []


def test_the_heap_is_the_share_of_the_memory_that_aws_gives() -> None:
    command = java.command("/usr/bin/java", "/var/runtime/java", 512)
    assert command[0] == "/usr/bin/java"
    assert "-Xmx445644k" in command
    assert command[-2:] == ["-jar", "/var/runtime/java/lambdad.jar"]


def test_an_archive_stands_above_that_of_the_runtime() -> None:
    command = java.use_archive(java.command("/usr/bin/java", "/var/runtime", 512), "/run/classes")
    assert "-XX:SharedArchiveFile=/var/runtime/lambdad.jsa:/run/classes/classes.jsa" in command


def test_an_archive_is_made_with_the_options_and_the_class_path_of_the_function() -> None:
    command = java.command("/usr/bin/java", "/var/runtime", 512)
    made = java.make_archive(command)
    assert [option for option in command if option.startswith("-X")] == [
        option
        for option in made
        if option.startswith("-X") and "ArchiveClassesAtExit" not in option
    ]
    assert made[made.index("-cp") + 1] == command[command.index("-jar") + 1]


def test_sources_that_cannot_be_compiled_are_told(home: Path, tmp_path: Path) -> None:
    kit = install(home / "kit", "#!/bin/sh\necho no such class\nexit 3\n")
    interpreter = Interpreter("java17", "17", f"{kit}/bin/java", str(kit))
    with pytest.raises(OSError, match="javac failed with status 3: no such class"):
        java.build(interpreter, tmp_path)


@pytest.mark.parametrize("interpreter", java.find(), ids=lambda found: found.name)
def test_the_runtime_is_compiled_for_every_java_of_this_machine(
    interpreter: Interpreter, tmp_path: Path
) -> None:
    # Given
    directory = tmp_path / "java"
    shutil.copytree(RUNTIME, directory)
    # When
    java.build(interpreter, directory)
    # Then
    command = java.command(interpreter.executable, str(directory), 128)
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**java.VARIABLES, "_LAMBDAD_WAITS": "1"},
        check=True,
        timeout=60,
    )
    assert done.stdout == b""


@pytest.mark.root
@pytest.mark.parametrize("interpreter", java.find(), ids=lambda found: found.name)
def test_an_archive_fits_where_sandboxes_see_the_runtime(
    interpreter: Interpreter, tmp_path: Path
) -> None:
    # Given
    directory = tmp_path / "java"
    shutil.copytree(RUNTIME, directory)
    java.build(interpreter, directory)
    # When
    command = java.command(interpreter.executable, "/var/runtime", 128)
    must_be_used = ["-Xshare:on" if option == "-Xshare:auto" else option for option in command]
    done = subprocess.run(
        [*java._as_in_sandboxes(directory), *must_be_used],
        stdin=subprocess.DEVNULL,
        env={"PATH": "/usr/bin:/bin", **java.VARIABLES, "_LAMBDAD_WAITS": "1"},
        check=False,
        timeout=60,
    )
    # Then
    assert done.returncode == 0


@pytest.mark.root
@pytest.mark.parametrize("interpreter", java.find(), ids=lambda found: found.name)
def test_what_starts_for_a_function_that_waits_loads_little_that_is_in_no_archive(
    interpreter: Interpreter, tmp_path: Path
) -> None:
    # Given
    directory = tmp_path / "java"
    shutil.copytree(RUNTIME, directory)
    java.build(interpreter, directory)
    handler = "lambdad.runtime.RehearsedFunction$Echo"
    variables = {"_HANDLER": handler, "LAMBDA_TASK_ROOT": "/mnt", "AWS_LAMBDA_RUNTIME_API": "::1:1"}
    # When
    command = java.command(interpreter.executable, "/var/runtime", 128)
    logged = ["-Xlog:class+load" if option == "-Xlog:disable" else option for option in command]
    done = subprocess.run(
        [*java._as_in_sandboxes(directory), *logged],
        input=json.dumps({"variables": variables}).encode(),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={"PATH": "/usr/bin:/bin", **java.VARIABLES, "_LAMBDAD_WAITS": "briefly"},
        check=False,
        timeout=60,
    )
    # Then
    loaded = [line for line in done.stdout.decode().splitlines() if " source: " in line]
    (connecting,) = (at for at, line in enumerate(loaded) if " java.net.Socket " in line)
    made = [line for line in loaded[:connecting] if "shared objects file" not in line]
    assert len(made) < 20, "\n".join(made)

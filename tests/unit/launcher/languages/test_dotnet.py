"""What the launcher knows of .NET: where it is, how it starts, and how the runtime is compiled."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import lambdad
from lambdad.launcher.interpreters import Interpreter
from lambdad.launcher.languages import dotnet

RUNTIME = Path(lambdad.__file__).parent / "runtimes/dotnet"
ANSWER = """#!/bin/sh
echo 'Microsoft.AspNetCore.App 9.0.0 [/there]'
for version in {}; do echo "Microsoft.NETCore.App $version [/there]"; done
"""


@pytest.fixture
def installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only .NET of the machine, with a compiler; its program is yet to be written."""
    compiler = tmp_path / "dotnet/sdk/8.0.100/Roslyn/bincore/csc.dll"
    compiler.parent.mkdir(parents=True)
    compiler.touch()
    monkeypatch.setenv("DOTNET_ROOT", str(tmp_path / "dotnet"))
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    return tmp_path / "dotnet"


def found_in(directory: Path, program: str) -> list[Interpreter]:
    (directory / "dotnet").write_text(program)
    (directory / "dotnet").chmod(0o755)
    return [each for each in dotnet.find() if each.prefix == str(directory)]


@pytest.mark.parametrize(
    ("versions", "version", "name"),
    [
        ("3.1.2", "3.1.2", "dotnetcore3.1"),
        ("6.0.36", "6.0.36", "dotnet6"),
        ("8.0.9 8.0.10 6.0.1", "8.0.10", "dotnet8"),
        ("9.0.1", "9.0.1", "dotnet8"),
        ("10.0.0-rc.1 8.0.1", "10.0.0-rc.1", "dotnet10"),
    ],
)
def test_one_is_named_by_the_newest_framework_that_it_runs(installation, versions, version, name):
    (interpreter,) = found_in(installation, ANSWER.format(versions))
    program = str(installation / "dotnet")
    assert interpreter == Interpreter(name, version, program, str(installation))


@pytest.mark.parametrize("program", ["", "#!/bin/sh\nexit 1\n", ANSWER.format("2.1.0"), "\x7fELF"])
def test_one_that_does_not_answer_is_none(installation, program):
    assert found_in(installation, program) == []


def test_one_without_a_compiler_is_none(installation):
    shutil.rmtree(installation / "sdk")
    assert found_in(installation, ANSWER.format("8.0.1")) == []


def test_the_heap_takes_three_quarters_of_the_memory():
    line = dotnet.command("/var/lang/dotnet", "/var/runtime/dotnet", 128)

    *variables, executable, verb, bootstrap = line[1:]
    assert [executable, verb] == ["/var/lang/dotnet", "exec"]
    assert bootstrap == "/var/runtime/dotnet/bootstrap.dll"
    limits = dict(variable.split("=") for variable in variables)
    assert {int(limit, 16) >> 20 for limit in limits.values()} == {96}


def test_without_reference_assemblies_the_operator_is_told_what_to_install(installation):
    (interpreter,) = found_in(installation, ANSWER.format("8.0.1"))
    with pytest.raises(OSError, match="cannot compile: apt-get install"):
        dotnet.build(interpreter, installation)


def test_what_the_compiler_says_is_told(tmp_path):
    interpreter = a_working_one()
    (tmp_path / "Wrong.cs").write_text("class Wrong {")
    with pytest.raises(OSError, match="error CS1513"):
        dotnet.build(interpreter, tmp_path)


def test_the_runtime_is_compiled_beside_its_settings(tmp_path):
    interpreter = a_working_one()
    shutil.copytree(RUNTIME, tmp_path / "dotnet")
    dotnet.build(interpreter, tmp_path / "dotnet")

    made = {path.name for path in (tmp_path / "dotnet").iterdir() if path.suffix != ".cs"}
    assert made == {"bootstrap.dll", "bootstrap.runtimeconfig.json"}


def a_working_one() -> Interpreter:
    found = dotnet.find()
    if not found:
        pytest.skip("this machine has no .NET SDK")
    return found[0]

"""C# and whatever else runs on .NET: found on this machine, and the runtime compiled for it."""

from __future__ import annotations

import glob
import json
import os
import re
import subprocess
from pathlib import Path

from lambdad.launcher.asking import answers_of
from lambdad.launcher.interpreters import Interpreter

VARIABLES = {
    # No socket in /tmp that a debugger could come by: .NET from 6 on, and before.
    "DOTNET_EnableDiagnostics": "0",
    "COMPlus_EnableDiagnostics": "0",
    "DOTNET_CLI_TELEMETRY_OPTOUT": "1",
    "DOTNET_NOLOGO": "1",
}

_PLACES = (
    "/usr/share/dotnet", "/usr/lib/dotnet", "/usr/lib64/dotnet", "/usr/local/share/dotnet",
    "/opt/dotnet", "~/.dotnet",
)  # fmt: skip
_FRAMEWORK = "Microsoft.NETCore.App"
_WEB_FRAMEWORK = "Microsoft.AspNetCore.App"
_RUNTIME = re.compile(r"(\S+) (\d[\w.-]*) \[(.*)\]")
# From which major version on functions of an identifier run.
_NAMES = ((10, "dotnet10"), (8, "dotnet8"), (6, "dotnet6"), (3, "dotnetcore3.1"))
_COMPILER_SECONDS = 120
_NEEDED = "apt-get install dotnet-sdk-8.0 (an SDK: the runtime is compiled once on this machine)"
_SHARE_OF_HEAP = 0.75  # what .NET itself takes of the memory of a container


def find() -> list[Interpreter]:
    """Every .NET on this machine that has an SDK, by the newest framework that it runs."""
    answers = answers_of(_candidates(), ["--list-runtimes"])
    found = [_interpreter(path, answer) for path, answer in answers.items()]
    return [interpreter for interpreter in found if interpreter]


def command(executable: str, directory: str, memory_mb: int) -> list[str]:
    """The command line of a sandbox. The limit of the heap is known at each start only, and
    .NET takes it from a variable; the runtime drops that again."""
    limit = f"{int(memory_mb * _SHARE_OF_HEAP) << 20:x}"
    variables = [f"{prefix}_GCHeapHardLimit={limit}" for prefix in ("DOTNET", "COMPlus")]
    return ["/usr/bin/env", *variables, executable, "exec", f"{directory}/bootstrap.dll"]


def build(interpreter: Interpreter, directory: Path) -> None:
    """Compile the runtime's files, which are in `directory`, beside them; OSError when that
    fails."""
    framework = _newest(f"{interpreter.prefix}/packs/{_FRAMEWORK}.Ref/*/ref/*")
    compiler = _compiler(interpreter.prefix)
    if framework is None or compiler is None:
        raise OSError(f".NET in {interpreter.prefix} cannot compile: {_NEEDED}")
    arguments = directory / "bootstrap.rsp"
    arguments.write_text("\n".join(_arguments(interpreter, directory, framework)))
    try:
        _compile(interpreter, compiler, arguments)
    finally:
        arguments.unlink()
    settings = json.dumps({"runtimeOptions": _options(interpreter)}, indent=2)
    (directory / "bootstrap.runtimeconfig.json").write_text(settings)


def _candidates() -> list[str]:
    """Real paths of programs, none of which is a version manager's shim."""
    directories = [os.environ.get("DOTNET_ROOT", ""), *os.environ.get("PATH", "").split(":")]
    paths = [os.path.join(directory, "dotnet") for directory in directories if directory]
    paths += [os.path.join(os.path.expanduser(place), "dotnet") for place in _PLACES]
    real = dict.fromkeys(os.path.realpath(path) for path in paths)
    return [path for path in real if os.access(path, os.X_OK) and _compiler(os.path.dirname(path))]


def _compiler(prefix: str) -> str | None:
    return _newest(f"{prefix}/sdk/*/Roslyn/bincore/csc.dll")


def _newest(pattern: str) -> str | None:
    """The path with the highest version in it."""
    return max(glob.glob(pattern), key=_version_key, default=None)


def _version_key(text: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", text)]


def _interpreter(path: str, answer: str) -> Interpreter | None:
    runtimes = _RUNTIME.findall(answer)
    versions = [version for name, version, _ in runtimes if name == _FRAMEWORK]
    version = max(versions, key=_version_key, default="0")
    major = _version_key(version)[0]
    for oldest, name in _NAMES:
        if major >= oldest:
            return Interpreter(name, version, path, os.path.dirname(path))
    return None


def _arguments(interpreter: Interpreter, directory: Path, framework: str) -> list[str]:
    major = _version_key(interpreter.version)[0]
    return [
        "-nologo", "-optimize+", "-deterministic+", "-langversion:8", "-target:exe",
        f"-out:{_quoted(directory / 'bootstrap.dll')}",
        *(["-define:NET10_0_OR_GREATER"] if major >= 10 else []),
        *(f"-r:{_quoted(path)}" for path in sorted(Path(framework).glob("*.dll"))),
        *(_quoted(path) for path in sorted(directory.glob("*.cs"))),
    ]  # fmt: skip


def _quoted(path: Path) -> str:
    return f'"{path}"'


def _compile(interpreter: Interpreter, compiler: str, arguments: Path) -> None:
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "DOTNET_SYSTEM_GLOBALIZATION_INVARIANT": "1",
        # An OpenSSL that the installation brings itself, as .NET Core 3.1 needs 1.1 of it.
        "LD_LIBRARY_PATH": f"{interpreter.prefix}/lib",
    }
    line = [interpreter.executable, "exec", compiler, "-noconfig", f"@{arguments}"]
    try:
        compilation = subprocess.run(  # noqa: S603 - the compiler that the operator installed
            line,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_COMPILER_SECONDS,
            env=environment,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise OSError(f"The C# compiler took longer than {_COMPILER_SECONDS} s") from error
    if compilation.returncode:
        said = (compilation.stdout + compilation.stderr).decode(errors="replace").strip()
        hint = "; .NET Core 3.1 needs OpenSSL 1.1" if "libssl" in said else ""
        raise OSError(f"The C# compiler failed{hint}: {said[:1000]}")


def _options(interpreter: Interpreter) -> dict[str, object]:
    """What .NET reads at its start. The newest framework runs the function, whatever it was
    built for; the web framework is there for those that use it."""
    names = [_FRAMEWORK]
    if os.path.isdir(f"{interpreter.prefix}/shared/{_WEB_FRAMEWORK}"):
        names.append(_WEB_FRAMEWORK)
    return {
        "rollForward": "LatestMajor",
        "frameworks": [{"name": name, "version": "3.1.0"} for name in names],
        "configProperties": {
            "System.GC.Concurrent": False,
            "System.GC.Server": False,
            "System.Globalization.Invariant": True,
            "System.Runtime.TieredCompilation.QuickJitForLoops": True,
            "System.Runtime.TieredPGO": False,
        },
    }

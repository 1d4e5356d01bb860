"""Where the .NET runtime is, what runs it, and the compiler that functions of tests go through."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import lambdad
from lambdad.launcher.interpreters import Interpreter
from lambdad.launcher.languages import dotnet

RUNTIME = Path(lambdad.__file__).parent / "runtimes/dotnet"
FUNCTIONS = Path(__file__).parents[3] / "functions/dotnet"
CONFORMANCE = "Function::Conformance.Function::Handle"
FOUND = dotnet.find()
SDK: Interpreter | None = FOUND[0] if FOUND else None
VARIABLES = {
    "DOTNET_SYSTEM_GLOBALIZATION_INVARIANT": "1",
    "PATH": os.environ["PATH"],
    **({"LD_LIBRARY_PATH": f"{SDK.prefix}/lib"} if SDK else {}),
}
HEAP_LIMIT = {f"{prefix}_GCHeapHardLimit": "6000000" for prefix in ("DOTNET", "COMPlus")}


def compile_csharp(sources: list[Path], output: Path, *references: Path) -> None:
    """Compile an assembly: a program when its name says so, as `Name.exe.dll`."""
    assert SDK
    (compiler,) = Path(SDK.prefix).glob("sdk/*/Roslyn/bincore/csc.dll")
    (framework,) = Path(SDK.prefix).glob("packs/Microsoft.NETCore.App.Ref/*/ref/*")
    target = "exe" if output.name.endswith(".exe.dll") else "library"
    answer = subprocess.run(
        [
            SDK.executable, "exec", str(compiler), "-nologo", "-noconfig", "-nullable-",
            f"-target:{target}", "-debug:embedded", "-nowarn:1591", f"-out:{output}",
            *(f"-r:{path}" for path in [*framework.glob("*.dll"), *references]),
            *map(str, sources),
        ],
        env=VARIABLES,
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    assert answer.returncode == 0, answer.stdout + answer.stderr


def compile_function(sources: list[Path], name: str, directory: Path) -> Path:
    """A package with an assembly and with Amazon.Lambda.Core beside it."""
    directory.mkdir(parents=True, exist_ok=True)
    core = directory / "Amazon.Lambda.Core.dll"
    if not core.exists():
        compile_csharp([FUNCTIONS / "AmazonLambda.cs"], core)
    compile_csharp(sources, directory / f"{name}.dll", core)
    return directory

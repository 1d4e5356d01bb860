"""Making a version ready to run: its interpreter chosen, its code unpacked, its zygote warm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from lambdad.environment.code import CodeStore
from lambdad.environment.environment import Place
from lambdad.environment.launcher_client import LauncherClient
from lambdad.errors import ClientError
from lambdad.model.function import FunctionVersion
from lambdad.model.runtime import (
    NODEJS,
    Interpreter,
    choose_runtime,
    is_os_only,
    is_python,
    sandbox_maker,
)

_BOOTSTRAPS = {NODEJS: "/var/runtime/nodejs/bootstrap.mjs"}


@dataclass(frozen=True, slots=True)
class Preparation:
    """Prepares versions when they are deployed, and finds what was prepared when they start."""

    code: CodeStore
    launcher: LauncherClient
    interpreters: Sequence[Interpreter]
    is_strict: bool
    _warm: set[tuple[str, str]] = field(default_factory=set)

    async def prepare(self, version: FunctionVersion) -> FunctionVersion:
        """Do everything that need not wait for the first invocation."""
        place = await self.find_place(version)
        own = version.runtime if is_os_only(version.runtime) else place.interpreter.name
        return replace(version, runtime_in_use=own)

    def digests(self) -> set[str]:
        """The packages of which something has been prepared."""
        return self.code.digests()

    def discard(self, digest: str) -> None:
        """Forget what has been prepared of a package."""
        self.code.discard(digest)

    async def find_place(self, version: FunctionVersion) -> Place:
        """Where the version's code is and what runs it; does again what a restart has undone."""
        interpreter = choose_runtime(version.runtime, self.interpreters, self.is_strict)
        maker = interpreter
        if not is_python(version.runtime):
            maker = sandbox_maker(self.interpreters)
        if interpreter is None or maker is None:
            raise ClientError(
                "InvalidRuntimeException",
                f"{version.runtime} is not on this machine. Install it, or let functions run on "
                "the nearest version with the setting runtimes=nearest.",
            )
        is_live = bool(version.code.directory)  # then it is mounted as it is
        code = "" if is_live else await self.code.prepare(version.code, maker)
        packages = [layer.code for layer in version.layers]
        layers = await self.code.prepare_layers(packages, maker)
        await self._warm_up(maker.name, version.account_id)
        return Place(code, interpreter, layers, maker, _program(version.runtime, interpreter))

    async def _warm_up(self, runtime: str, account_id: str) -> None:
        """Once in a node's life: a zygote that dies later is started again when it is needed."""
        if (runtime, account_id) not in self._warm:
            await self.launcher.prepare(runtime, account_id)
            self._warm.add((runtime, account_id))


def _program(runtime: str, interpreter: Interpreter) -> tuple[str, ...]:
    """What is started for a runtime of ours that is no Python."""
    if is_python(runtime) or is_os_only(runtime):
        return ()
    language = next(name for name in _BOOTSTRAPS if runtime.startswith(name))
    return (interpreter.executable, _BOOTSTRAPS[language])

"""Making a version ready to run: its interpreter chosen, its code unpacked, its zygote warm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from lambdad.environment.class_archives import ClassArchives
from lambdad.environment.code import CodeStore
from lambdad.environment.environment import Place
from lambdad.environment.launcher_client import LauncherClient
from lambdad.errors import ClientError
from lambdad.model.function import FunctionVersion
from lambdad.model.runtime import (
    OS_ONLY,
    Interpreter,
    choose_runtime,
    is_os_only,
    is_python,
    sandbox_maker,
    say_missing,
)


@dataclass(frozen=True, slots=True)
class Preparation:
    """Prepares versions when they are deployed, and finds what was prepared when they start."""

    code: CodeStore
    launcher: LauncherClient
    interpreters: Sequence[Interpreter]
    is_strict: bool
    accepts_missing: bool = False  # then only the first invocation says what is missing
    archives: ClassArchives | None = None
    _warm: set[tuple[str, str, int]] = field(default_factory=set)

    async def prepare(self, version: FunctionVersion) -> FunctionVersion:
        """Do everything that need not wait for the first invocation."""
        if self.accepts_missing and self._choose(version.runtime) is None:
            return version
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
        interpreter = self._choose(version.runtime)
        maker = sandbox_maker(self.interpreters)
        if interpreter is None or maker is None:
            message = say_missing(version.runtime, self.interpreters)
            raise ClientError("InvalidRuntimeException", message)
        compiler = interpreter if is_python(interpreter.name) else maker
        is_live = bool(version.code.directory)  # then it is mounted as it is
        code = "" if is_live else await self.code.prepare(version.code, compiler)
        packages = [layer.code for layer in version.layers]
        layers = await self.code.prepare_layers(packages, compiler)
        runtime = OS_ONLY if is_os_only(version.runtime) else interpreter.name
        await self._warm_up(runtime, version.account_id, version.memory_mb)
        archive = ""
        if self.archives is not None:
            archive = self.archives.find(code, layers, interpreter, version.account_id)
        return Place(code, interpreter, layers, runtime, archive)

    def _choose(self, runtime: str) -> Interpreter | None:
        return choose_runtime(runtime, self.interpreters, self.is_strict)

    async def _warm_up(self, runtime: str, account_id: str, memory_mb: int) -> None:
        """Once in a node's life: a zygote that dies later is started again when it is needed."""
        if (runtime, account_id, memory_mb) not in self._warm:
            await self.launcher.prepare(runtime, account_id, memory_mb)
            self._warm.add((runtime, account_id, memory_mb))

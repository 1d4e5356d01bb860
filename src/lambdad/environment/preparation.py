"""Making a version ready to run: its interpreter chosen, its code unpacked, its zygote warm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from lambdad.environment.code import CodeStore
from lambdad.environment.environment import Place
from lambdad.environment.launcher_client import LauncherClient
from lambdad.errors import ClientError
from lambdad.model.function import FunctionVersion
from lambdad.model.runtime import Interpreter, choose_runtime


@dataclass(frozen=True, slots=True)
class Preparation:
    """Prepares versions when they are deployed, and finds what was prepared when they start."""

    code: CodeStore
    launcher: LauncherClient
    interpreters: Sequence[Interpreter]
    is_strict: bool

    async def prepare(self, version: FunctionVersion) -> FunctionVersion:
        """Do everything that need not wait for the first invocation."""
        place = await self.find_place(version)
        await self.launcher.prepare(place.interpreter.name, version.account_id)
        return replace(version, runtime_in_use=place.interpreter.name)

    async def find_place(self, version: FunctionVersion) -> Place:
        """Where the version's code is and what runs it; unpacks it again when it must."""
        interpreter = choose_runtime(version.runtime, self.interpreters, self.is_strict)
        if interpreter is None:
            raise ClientError(
                "InvalidRuntimeException",
                f"{version.runtime} is not on this machine. Install it, or let functions run on "
                "the nearest version with the setting runtimes=nearest.",
            )
        return Place(await self.code.prepare(version.code, interpreter), interpreter)

"""What Lambda's operations work with, and what they ask of the parts below them."""

from __future__ import annotations

import platform
import random
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from lambdad.clock import Clock
from lambdad.model.function import FunctionVersion
from lambdad.model.invocation import Result
from lambdad.model.resource import Key
from lambdad.model.runtime import Interpreter
from lambdad.services.lambda_.changes import Changes
from lambdad.store.blobs import Blobs
from lambdad.store.resources import Resources


class Preparation(Protocol):
    """Makes a version ready to run: code unpacked and compiled, its runtime chosen."""

    async def prepare(self, version: FunctionVersion) -> FunctionVersion:
        """Return `version` with what was found out (`runtime_in_use`).

        A ClientError or PlatformError is the reason why it cannot run. It may be called again for
        a version that was prepared before, also after a restart.
        """


class Invoker(Protocol):
    """The data plane."""

    async def invoke(
        self,
        version: FunctionVersion,
        *,
        payload: bytes,
        request_id: str,
        invoked_arn: str,
        client_context: str | None,
    ) -> Result:
        """Run one invocation. A ClientError (throttled, …) means that the function did not run."""

    def retire(self, function_key: Key, version: str | None = None) -> None:
        """Start no more invocations in environments of what this function, or this version of
        it, was until now."""


def machine_architecture() -> str:
    """This machine's architecture in AWS's words."""
    return "arm64" if platform.machine() in ("aarch64", "arm64") else "x86_64"


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlPlane:
    """The parts that Lambda's operations work with.

    `link_key` signs the links to deployment packages. `interpreters` are those of this machine,
    `known_runtimes` the identifiers that AWS's model lists. `draw` gives a random number from 0 to
    just below 1. `file_systems` are the ARNs for which the operator has a directory; `can_mount`
    tells whether the sandbox can mount one. `find_live_code` says where a path really leads, or
    raises a ClientError when no code may be mounted from there.
    """

    resources: Resources
    blobs: Blobs
    preparation: Preparation
    invoker: Invoker
    clock: Clock
    link_key: bytes
    interpreters: Sequence[Interpreter]
    known_runtimes: Sequence[str] = ()
    strict_runtimes: bool = False
    architecture: str = field(default_factory=machine_architecture)
    changes: Changes = field(default_factory=Changes)
    draw: Callable[[], float] = random.random
    file_systems: Collection[str] = ()
    can_mount: bool = True
    find_live_code: Callable[[str], Awaitable[str]] | None = None

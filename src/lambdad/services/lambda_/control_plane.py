"""What Lambda's operations work with, and what they ask of the parts below them."""

from __future__ import annotations

import platform
import random
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from lambdad.clock import Clock
from lambdad.invocation.streaming import StreamedInvocation
from lambdad.model.concurrency import FunctionConcurrency, Provisioned
from lambdad.model.emit import Emit, emit_nothing
from lambdad.model.function import FunctionVersion
from lambdad.model.invocation import Invocation, Result
from lambdad.model.limits import CODE_STORAGE
from lambdad.model.resource import Key
from lambdad.model.runtime import Interpreter
from lambdad.model.sampling import Sampler
from lambdad.services.lambda_.changes import Changes
from lambdad.store.blobs import Blobs
from lambdad.store.resources import Resources

if TYPE_CHECKING:
    from lambdad.model.package_signature import Publishers


class ObjectStore(Protocol):
    """Where code lies that a request names by bucket and key."""

    def get(self, bucket: str, key: str, version: str | None = None) -> AsyncGenerator[bytes, None]:
        """The object's bytes, as they arrive.

        A ClientError is what S3 answered (NoSuchKey, AccessDenied, …), in its code and message; a
        PlatformError says that there was no answer.
        """


class Preparation(Protocol):
    """Makes a version ready to run: code unpacked and compiled, its runtime chosen."""

    async def prepare(self, version: FunctionVersion) -> FunctionVersion:
        """Return `version` with what was found out (`runtime_in_use`).

        A ClientError or PlatformError is the reason why it cannot run. It may be called again for
        a version that was prepared before, also after a restart.
        """

    def digests(self) -> set[str]:
        """The packages of which something has been prepared."""

    def discard(self, digest: str) -> None:
        """Forget what has been prepared of a package; nothing runs it and nothing refers to it."""


class Invoker(Protocol):
    """The data plane."""

    async def invoke(self, version: FunctionVersion, invocation: Invocation) -> Result:
        """Run one invocation. A ClientError (throttled, …) means that the function did not run."""

    async def stream(self, version: FunctionVersion, invocation: Invocation) -> StreamedInvocation:
        """The same, as soon as its response has begun, or as it is over."""

    def retire(self, function_key: Key, version: str | None = None) -> None:
        """Start no more invocations in environments of what this function, or this version of
        it, was until now."""

    def set_concurrency(self, function: Key, concurrency: FunctionConcurrency) -> None:
        """From now on the function has this and nothing else reserved and provisioned."""

    def provisioned(self, version: FunctionVersion) -> Provisioned:
        """How many environments of a version have been initialized ahead."""

    def digests(self) -> set[str]:
        """Of what execution environments have of code and layers, or are about to."""


class Events(Protocol):
    """The asynchronous invocations."""

    async def accept(
        self,
        function: Key,
        qualifier: str | None,
        payload: bytes,
        *,
        request_id: str,
        trace_header: str = "",
        tenant_id: str | None = None,
    ) -> None:
        """Keep an event until it has an outcome; returns when it is on disk."""


def machine_architecture() -> str:
    """This machine's architecture in AWS's words."""
    return "arm64" if platform.machine() in ("aarch64", "arm64") else "x86_64"


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlPlane:
    """The parts that Lambda's operations work with.

    `link_key` signs the links to deployment packages. `interpreters` are those of this machine,
    `known_runtimes` the identifiers that AWS's model lists. `concurrency` is an account's limit in
    one region, `code_storage` how many bytes of code it may have there. `objects` is there when an
    S3 endpoint has been set. `draw` gives a random number from 0 to just below 1.
    `sampler` decides for functions with active tracing which requests are traced.
    `signing_profiles` are the certificates of those who may sign packages. With `check_roles`, an
    execution role must be there and trust Lambda.
    `file_systems` are the ARNs for which the operator has a directory; `can_mount` tells whether
    the sandbox can mount one. `find_live_code` says where a path really leads, or raises a
    ClientError when no code may be mounted from there. `egress` is how far functions may reach.
    """

    resources: Resources
    blobs: Blobs
    preparation: Preparation
    invoker: Invoker
    events: Events
    clock: Clock
    link_key: bytes
    interpreters: Sequence[Interpreter]
    known_runtimes: Sequence[str] = ()
    strict_runtimes: bool = False
    accepts_missing_runtimes: bool = False
    check_roles: bool = False
    objects: ObjectStore | None = None
    code_storage: int = CODE_STORAGE
    architecture: str = field(default_factory=machine_architecture)
    changes: Changes = field(default_factory=Changes)
    concurrency: int = 1000
    emit: Emit = emit_nothing
    draw: Callable[[], float] = random.random
    sampler: Sampler = field(default_factory=Sampler)
    signing_profiles: Publishers = field(default_factory=dict)
    file_systems: Collection[str] = ()
    can_mount: bool = True
    find_live_code: Callable[[str], Awaitable[str]] | None = None
    egress: str = "none"

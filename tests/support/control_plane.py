"""A control plane on a real store, with a preparation that a test can hold back."""

from __future__ import annotations

import asyncio
import io
import zipfile
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from lambdad.clock import FakeClock
from lambdad.errors import ClientError
from lambdad.invocation.streaming import StreamedInvocation
from lambdad.model.caller import Caller, RequestContext
from lambdad.model.concurrency import FunctionConcurrency, Provisioned
from lambdad.model.function import FunctionVersion
from lambdad.model.invocation import FunctionError, Invocation, Report, Result
from lambdad.model.response_stream import ResponseStream
from lambdad.model.runtime import Interpreter
from lambdad.services.lambda_ import operations
from lambdad.services.lambda_.control_plane import ControlPlane
from lambdad.store.blobs import Blobs
from lambdad.store.database import Database
from lambdad.store.resources import Resources

ACCOUNT = "123456789012"
REGION = "eu-central-1"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/service-role/lambda"


@dataclass
class StubPreparation:
    """Prepares when its gate is open, and fails with `failure` if there is one."""

    gate: asyncio.Event = field(default_factory=asyncio.Event)
    failure: Exception | None = None
    prepared: list[FunctionVersion] = field(default_factory=list)
    discarded: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.gate.set()

    async def prepare(self, version: FunctionVersion) -> FunctionVersion:
        self.prepared.append(version)
        await self.gate.wait()
        if self.failure:
            raise self.failure
        return replace(version, runtime_in_use="python3.11")

    def digests(self) -> set[str]:
        return {version.code.sha256 for version in self.prepared} - set(self.discarded)

    def discard(self, digest: str) -> None:
        self.discarded.append(digest)


@dataclass
class StubInvoker:
    """Answers with what it was asked, or with `answer`."""

    answer: bytes | None = None
    failure: Exception | None = None
    error: FunctionError | None = None
    log_tail: bytes = b"START\nREPORT\n"
    writes: Callable[[ResponseStream], None] | None = None  # as a function that streams
    invoked: list[tuple[FunctionVersion, Invocation]] = field(default_factory=list)
    retired: list[tuple[tuple[str, str, str], str | None]] = field(default_factory=list)
    concurrency: dict[tuple[str, str, str], FunctionConcurrency] = field(default_factory=dict)
    progress: dict[str, Provisioned] = field(default_factory=dict)  # by `function:version`
    used: set[str] = field(default_factory=set)  # digests of what environments run

    async def invoke(self, version: FunctionVersion, invocation: Invocation) -> Result:
        self.invoked.append((version, invocation))
        if self.failure:
            raise self.failure
        if invocation.stream is not None and self.writes is not None:
            self.writes(invocation.stream)
        report = Report(invocation.request_id, 1.0, 1, 128, 30, error=self.error)
        is_streamed = invocation.stream is not None and invocation.stream.has_begun
        answer = invocation.payload if self.answer is None else self.answer
        payload = b"" if is_streamed and self.error is None else answer
        return Result(payload, version.version, report, self.log_tail)

    async def stream(self, version: FunctionVersion, invocation: Invocation) -> StreamedInvocation:
        streamed = StreamedInvocation(
            lambda stream: self.invoke(version, replace(invocation, stream=stream)), FakeClock(), 0
        )
        await streamed.begin()
        return streamed

    def retire(self, function_key: tuple[str, str, str], version: str | None = None) -> None:
        self.retired.append((function_key, version))

    def set_concurrency(
        self, function: tuple[str, str, str], concurrency: FunctionConcurrency
    ) -> None:
        self.concurrency[function] = concurrency

    def provisioned(self, version: FunctionVersion) -> Provisioned:
        return self.progress.get(f"{version.name}:{version.version}", Provisioned())

    def digests(self) -> set[str]:
        return self.used


@dataclass
class StubEvents:
    """Keeps what it is given, or refuses it with `failure`."""

    failure: Exception | None = None
    accepted: list[tuple[tuple[str, str, str], str | None, bytes, dict[str, Any]]] = field(
        default_factory=list
    )

    async def accept(
        self, function: tuple[str, str, str], qualifier: str | None, payload: bytes, **members: Any
    ) -> None:
        if self.failure:
            raise self.failure
        self.accepted.append((function, qualifier, payload, members))


@dataclass
class StubObjects:
    """An object store in memory, by bucket, key and version; or one that fails."""

    contents: dict[tuple[str, str, str | None], bytes] = field(default_factory=dict)
    failure: Exception | None = None

    async def get(
        self, bucket: str, key: str, version: str | None = None
    ) -> AsyncGenerator[bytes, None]:
        if self.failure:
            raise self.failure
        content = self.contents.get((bucket, key, version))
        if content is None:
            raise ClientError("NoSuchKey", "The specified key does not exist.")
        for start in range(0, len(content), 100):
            yield content[start : start + 100]


@dataclass(frozen=True)
class Plane:
    """The control plane, its stubs, and a way to call an operation of it."""

    control: ControlPlane
    preparation: StubPreparation
    invoker: StubInvoker
    clock: FakeClock
    draws: list[float]  # what the next invocations of weighted aliases draw
    objects: StubObjects
    events: StubEvents

    async def __call__(
        self,
        operation: str,
        *,
        account_id: str = ACCOUNT,
        region: str = REGION,
        trace_header: str = "",
        endpoint_url: str = "http://127.0.0.1:4566",
        **request: Any,
    ) -> dict[str, Any]:
        caller = Caller(account_id, region)
        context = RequestContext("r-1", "lambda", operation, caller, endpoint_url, trace_header)
        return dict(await operations(self.control)["lambda", operation](context, request))

    async def create(self, name: str = "echo", **request: Any) -> dict[str, Any]:
        """Call CreateFunction with what it needs, and wait until the function is Active."""
        answer = await self("CreateFunction", **creation(name, **request))
        await self.control.changes.settle()
        return answer

    async def update(self, name: str = "echo", **changes: Any) -> dict[str, Any]:
        """Call UpdateFunctionConfiguration, and wait until it has taken effect."""
        answer = await self("UpdateFunctionConfiguration", FunctionName=name, **changes)
        await self.control.changes.settle()
        return answer


def creation(name: str = "echo", **request: Any) -> dict[str, Any]:
    """The parameters of a plain CreateFunction; None takes one away."""
    plain = {
        "FunctionName": name,
        "Runtime": "python3.11",
        "Handler": "app.handler",
        "Role": ROLE,
        "Code": {"ZipFile": make_zip({"app.py": "def handler(event, context): return event"})},
    }
    asked = {**plain, **request}
    return {member: value for member, value in asked.items() if value is not None}


def make_zip(files: dict[str, str]) -> bytes:
    """A zip of these files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in files.items():
            archive.writestr(zipfile.ZipInfo(name), text)
    return buffer.getvalue()


async def open_control_plane(database: Database, directory: Path) -> Plane:
    """A control plane on `database` and the blobs beneath `directory`."""
    clock, preparation, invoker = FakeClock(), StubPreparation(), StubInvoker()
    draws: list[float] = []
    objects, events = StubObjects(), StubEvents()
    control = ControlPlane(
        resources=await Resources.load(database),
        blobs=Blobs.open(directory / "blobs"),
        preparation=preparation,
        invoker=invoker,
        events=events,
        clock=clock,
        link_key=b"key",
        interpreters=[Interpreter("python3.11", "3.11.7", "/usr/bin/python3.11")],
        architecture="x86_64",
        objects=objects,
        draw=lambda: draws.pop(0) if draws else 0.5,
    )
    return Plane(control, preparation, invoker, clock, draws, objects, events)


async def refused(answer: Awaitable[Any], code: str, message: str | None = None) -> ClientError:
    """Await `answer`, which must be this error."""
    with pytest.raises(ClientError) as caught:
        await answer
    assert caught.value.code == code
    if message is not None:
        assert caught.value.message == message
    return caught.value

"""The languages under test: how each is deployed, and its own words for what all of them do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

import packages
from support.functions import RUNTIME

OUT_OF_MEMORY = "Runtime.OutOfMemory"
_NO_STREAM = "AWS's runtime cannot stream either"


@dataclass(frozen=True)
class Language:
    """A language, and a function in it that does what its event says: {"do": …}.

    serves      identifiers of the runtimes whose functions it runs
    stands_on   what the machine has to have
    runtime     the identifier that the tests deploy with; the nearest version stands in
    find        why this machine cannot run it; "" when it can
    build       the function's package
    layer       files of a layer with a module in which the function finds luck
    usual, own, unserializable
                types of errors: the usual one, the function's own class, and that of an answer
                that cannot be JSON
    warning, information
                how the function is told at which level to log
    out_of_memory
                the type of the error by which too much memory is refused
    lacks       what it cannot do, by the name that tests have for it, and why
    """

    name: str
    serves: str
    stands_on: str
    runtime: str
    handler: str
    find: Callable[[], str]
    build: Callable[[], bytes]
    usual: str
    own: str
    layer: Callable[[], Mapping[str, str | bytes]] = dict
    unserializable: str = ""
    warning: str = "WARN"
    information: str = "INFO"
    out_of_memory: str = OUT_OF_MEMORY
    streaming_handler: str = ""
    lacks: Mapping[str, str] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """As tests and files are named."""
        return {".NET": "dotnet", "Node.js": "nodejs"}.get(self.name, self.name.lower())

    def needs(self, ability: str) -> None:
        """Skip the rest of a test that a language cannot pass, which the table of languages then
        tells."""
        if ability in self.lacks:
            pytest.skip(self.lacks[ability])

    def settings(self, **more: Any) -> dict[str, Any]:
        """What `deploy` and `make_function` want to know."""
        return {
            "package": self.build(),
            "Runtime": self.runtime,
            "Handler": self.handler,
            **more,
        }


PYTHON = Language(
    name="Python",
    serves="python3.9 to python3.14",
    stands_on="CPython 3.9 or newer",
    runtime=RUNTIME,
    handler="app.handler",
    find=lambda: "",
    build=packages.python,
    layer=lambda: {"python/luck.py": "WORD = 'found'\n"},
    usual="ValueError",
    own="NoSuchLuck",
    unserializable="Runtime.MarshalError",
    warning="WARNING",
    streaming_handler="app.handler",
)
NODEJS = Language(
    name="Node.js",
    serves="nodejs18.x to nodejs26.x",
    stands_on="Node.js 18 or newer",
    runtime="nodejs22.x",
    handler="app.handler",
    find=packages.find_nodejs,
    build=packages.nodejs,
    layer=lambda: {"nodejs/node_modules/luck/index.js": "exports.word = 'found';\n"},
    usual="RangeError",
    own="NoSuchLuck",
    unserializable="Runtime.MarshalError",
    warning="warn",
    information="info",
    streaming_handler="app.stream",
)
RUBY = Language(
    name="Ruby",
    serves="ruby2.7 to ruby4.0",
    stands_on="Ruby 2.7 or newer",
    runtime="ruby3.3",
    handler="app.handler",
    find=packages.find_ruby,
    build=packages.ruby,
    layer=lambda: {"ruby/lib/luck.rb": "module Luck\n  WORD = 'found'\nend\n"},
    usual="Function<ArgumentError>",
    own="Function<NoSuchLuck>",
    unserializable="Function<JSON::GeneratorError>",
    lacks={"streams": _NO_STREAM},
)
JAVA = Language(
    name="Java",
    serves="java8.al2 to java25",
    stands_on="a JDK 11 or newer",
    runtime="java21",
    handler="example.Conformance::handleRequest",
    find=packages.find_java,
    build=packages.java,
    layer=packages.java_layer,
    usual="java.lang.IllegalArgumentException",
    own="example.Conformance$NoSuchLuck",
    unserializable="java.lang.RuntimeException",
    out_of_memory="java.lang.OutOfMemoryError",
    lacks={
        "streams": _NO_STREAM,
        "members that are null": "Java: AWS's runtime leaves nulls in objects out, too",
        "request ids in text": "Java: AWS's logger writes the request id in JSON alone, too",
    },
)
DOTNET = Language(
    name=".NET",
    serves="dotnetcore3.1 to dotnet10",
    stands_on="a .NET SDK 3.1 or newer",
    runtime="dotnet8",
    handler="Function::Conformance.Function::Handle",
    find=packages.find_dotnet,
    build=packages.dotnet,
    usual="ArgumentException",
    own="NoSuchLuck",
    unserializable="JsonException",
    warning="Warning",
    information="Information",
    out_of_memory="OutOfMemoryException",
    lacks={
        "streams": _NO_STREAM,
        "layers": ".NET: assemblies in layers are not found, as DOTNET_SHARED_STORE is not read",
    },
)
GO = Language(
    name="Go",
    serves="provided.al2, provided.al2023",
    stands_on="a program called bootstrap",
    runtime="provided.al2023",
    handler="bootstrap",
    find=packages.find_go,
    build=packages.go,
    layer=lambda: {"luck": "found"},
    usual="errorString",
    own="NoSuchLuck",
    unserializable="UnsupportedTypeError",
    streaming_handler="bootstrap",
    lacks={
        "stack traces": "Go: AWS's client traces panics, and no errors",
        "levels": "Go: what logs is of newer versions of AWS's client than Debian's Go compiles",
        "long streams": "Go: AWS's client does not declare its streams, so one is sent at its end "
        "and has 6 MB at most",
    },
)
RUST = Language(
    name="Rust",
    serves="provided.al2, provided.al2023",
    stands_on="a program called bootstrap",
    runtime="provided.al2023",
    handler="bootstrap",
    find=packages.find_rust,
    build=packages.rust,
    layer=lambda: {"luck": "found"},
    usual="&alloc::boxed::Box<dyn core::error::Error + core::marker::Send + core::marker::Sync>",
    own="NoSuchLuck",
    unserializable="Runtime.ExitError",
    streaming_handler="bootstrap",
    lacks={
        "stack traces": "Rust: AWS's client traces no errors",
        "structured logs": "Rust: AWS's client logs JSON of another shape, without a time",
    },
)
C = Language(
    name="C",
    serves="provided.al2, provided.al2023",
    stands_on="a program called bootstrap",
    runtime="provided.al2023",
    handler="bootstrap",
    find=packages.find_c,
    build=packages.c,
    layer=packages.c_layer,
    usual="Error",
    own="NoSuchLuck",
    streaming_handler="bootstrap",
    lacks={
        "stack traces": "C: AWS has no client, which would trace errors",
        "answers that are no JSON": "C: the function writes its JSON itself, so none can be wrong",
        "levels": "C: AWS has no client, which would log",
    },
)
LANGUAGES = (PYTHON, NODEJS, RUBY, JAVA, DOTNET, GO, RUST, C)

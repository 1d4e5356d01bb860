"""A function as its control plane knows it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from typing import Any, ClassVar

from lambdad.arn import LATEST, function_arn

LATEST_PUBLISHED = "$LATEST.PUBLISHED"

EGRESS_VARIABLE = "LAMBDAD_EGRESS"
EGRESS_LEVELS = ("none", "internet", "host")  # each allows what those before it do

DEFAULT_TIMEOUT = 3
DEFAULT_MEMORY_MB = 128
DEFAULT_EPHEMERAL_STORAGE_MB = 512


@dataclass(frozen=True, slots=True)
class Code:
    """A deployment package: the digest names the blob, and the unpacked tree beside it.

    A container image has a URI instead, and a digest only if that names one. `s3_object` is where
    a package came from that was given by reference, in AWS's words. Live code has a `directory` of
    the host instead, as it is at any time.
    """

    sha256: str  # hex
    size: int  # bytes of the zip
    image_uri: str | None = None
    source_kms_key_arn: str | None = None
    s3_object: dict[str, str] | None = None
    directory: str = ""


def layers_digest(layers: Iterable[Code]) -> str:
    """What names the one tree that layers make together; their order matters."""
    return hashlib.sha256("".join(layer.sha256 for layer in layers).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class AttachedLayer:
    """A layer version that a function has, and keeps when the version is deleted."""

    arn: str
    code: Code


@dataclass(frozen=True, slots=True)
class Status:
    """State or LastUpdateStatus, with AWS's reason strings."""

    value: str
    reason: str | None = None
    reason_code: str | None = None


@dataclass(frozen=True, slots=True)
class FunctionVersion:
    """An immutable snapshot of a function's code and configuration. `$LATEST` is one, replaced
    as a whole by every change; the published ones are resources of their own.

    `runtime_in_use` is the identifier of the runtime that really runs it, which differs from
    `runtime` when that one is not on this machine and the settings allow the nearest.
    `settings` holds configuration members in AWS's words and shapes that lambdad returns as they
    were given (TracingConfig, LoggingConfig, …).
    """

    kind: ClassVar[str] = "version"

    account_id: str
    region: str
    name: str
    version: str
    runtime: str
    handler: str
    role: str
    code: Code
    revision_id: str
    last_modified: float  # seconds since the epoch
    state: Status
    last_update: Status | None = None
    description: str = ""
    timeout: int = DEFAULT_TIMEOUT  # seconds
    memory_mb: int = DEFAULT_MEMORY_MB
    ephemeral_storage_mb: int = DEFAULT_EPHEMERAL_STORAGE_MB
    variables: dict[str, str] = field(default_factory=dict)
    runtime_in_use: str | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    layers: tuple[AttachedLayer, ...] = ()  # later ones overwrite earlier ones

    @property
    def key(self) -> tuple[str, str, str]:
        """Where a published version lives: account id, region, `function:version`."""
        return (self.account_id, self.region, f"{self.name}:{self.version}")

    @property
    def function_key(self) -> tuple[str, str, str]:
        """Where its function lives."""
        return (self.account_id, self.region, self.name)

    @property
    def content_sha256(self) -> str:
        """The digest of code and configuration, which tells whether two versions differ."""
        return _digest(replace(self, **_NO_CONTENT))

    @property
    def configuration_sha256(self) -> str:
        """The digest of the configuration alone."""
        return _digest(replace(self, **_NO_CONTENT, code=Code("", 0)))

    @property
    def digests(self) -> tuple[str, ...]:
        """Of every package that it needs to run, and of its layers together."""
        order = (layers_digest([layer.code for layer in self.layers]),) if self.layers else ()
        return (*(code.sha256 for code in self.codes), *order)

    @property
    def codes(self) -> tuple[Code, ...]:
        """Every package that it needs to run."""
        own = () if self.is_image or self.code.directory else (self.code,)
        return (*own, *(layer.code for layer in self.layers))

    @property
    def code_size(self) -> int:
        """Bytes of the package that is its own."""
        return self.code.size

    @property
    def is_image(self) -> bool:
        """Whether its code is a container image."""
        return self.code.image_uri is not None

    @property
    def package_type(self) -> str:
        return "Image" if self.is_image else "Zip"

    @property
    def is_per_tenant(self) -> bool:
        """Whether each tenant has execution environments of its own."""
        return "TenancyConfig" in self.settings

    @property
    def unqualified_arn(self) -> str:
        return function_arn(self.account_id, self.region, self.name)

    @property
    def qualified_arn(self) -> str:
        return function_arn(self.account_id, self.region, self.name, self.version)

    @property
    def file_system(self) -> dict[str, Any]:
        """The one file system that it mounts, in AWS's words; empty when it mounts none."""
        configs = self.settings.get("FileSystemConfigs") or [{}]
        return dict(configs[0])

    @property
    def egress(self) -> str:
        """How far it asks to reach; empty when it leaves that to the operator."""
        return self.variables.get(EGRESS_VARIABLE, "")

    @property
    def log_group(self) -> str:
        logging = self.settings.get("LoggingConfig") or {}
        return str(logging.get("LogGroup") or f"/aws/lambda/{self.name}")


# What a version has beside its code and configuration.
_NO_CONTENT: dict[str, Any] = {
    "version": "",
    "revision_id": "",
    "last_modified": 0.0,
    "state": Status(""),
    "last_update": None,
    "runtime_in_use": None,
}


def _digest(version: FunctionVersion) -> str:
    return hashlib.sha256(json.dumps(asdict(version), sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Function:
    """The resource: `latest` is its `$LATEST` version.

    `pending` is a change that has been accepted and is being prepared: it becomes `latest` when
    its code is ready, and until then invocations use the old one.
    `pending_published` is the `$LATEST.PUBLISHED` that is to come with it, if one is.
    `last_version` is the number of the version published last; numbers are never used again.
    `published_content` is what `$LATEST` was then (`FunctionVersion.content_sha256`).
    `code_signing_config` is the id of the config that says who may sign its packages.
    `recursive_loop` is what happens when it is found to invoke itself over and over.
    `reserved_concurrency` is how many events all its versions together may run at once, which
    others cannot take from them; None when nothing is reserved.
    """

    kind: ClassVar[str] = "function"

    latest: FunctionVersion
    tags: dict[str, str] = field(default_factory=dict)
    pending: FunctionVersion | None = None
    pending_published: FunctionVersion | None = None
    last_version: int = 0
    published_content: str | None = None
    recursive_loop: str = "Terminate"  # or Allow
    code_signing_config: str | None = None
    reserved_concurrency: int | None = None

    @property
    def name(self) -> str:
        return self.latest.name

    @property
    def key(self) -> tuple[str, str, str]:
        """Where it lives: account id, region, name."""
        return self.latest.function_key

    @property
    def newest(self) -> FunctionVersion:
        """`$LATEST` as it was asked for, whether or not the change has taken effect."""
        return self.pending or self.latest

    @property
    def digests(self) -> tuple[str, ...]:
        """Of what `$LATEST` needs, now or when the change takes effect."""
        return self.latest.digests + (self.pending.digests if self.pending else ())

    @property
    def code_size(self) -> int:
        """Bytes of the package of `$LATEST`, as it was asked for."""
        return self.newest.code_size

    def with_latest(self, latest: FunctionVersion) -> Function:
        """The same function after a change has taken effect."""
        return replace(self, latest=latest, pending=None, pending_published=None)


__all__ = [
    "LATEST",
    "LATEST_PUBLISHED",
    "AttachedLayer",
    "Code",
    "Function",
    "FunctionVersion",
    "Status",
    "layers_digest",
]

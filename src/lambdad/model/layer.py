"""Layers: packages that functions share, in immutable numbered versions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from lambdad.arn import layer_arn
from lambdad.model.function import Code


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer as such: `last_version` is the number published last, which is never used again,
    not even when every version has been deleted."""

    kind: ClassVar[str] = "layer"

    account_id: str
    region: str
    name: str
    last_version: int

    @property
    def key(self) -> tuple[str, str, str]:
        """Where it lives: account id, region, name."""
        return (self.account_id, self.region, self.name)


@dataclass(frozen=True, slots=True)
class LayerVersion:
    """One immutable version of a layer. Its members are those of AWS's LayerVersion."""

    kind: ClassVar[str] = "layer-version"

    account_id: str
    region: str
    name: str
    version: int
    code: Code
    created: float  # seconds since the epoch
    description: str = ""
    license_info: str = ""
    compatible_runtimes: tuple[str, ...] = ()
    compatible_architectures: tuple[str, ...] = ()

    @property
    def key(self) -> tuple[str, str, str]:
        """Where it lives: account id, region, `layer:version`."""
        return (self.account_id, self.region, f"{self.name}:{self.version}")

    @property
    def arn(self) -> str:
        return layer_arn(self.account_id, self.region, self.name, self.version)

    @property
    def digests(self) -> tuple[str, ...]:
        """Of its package."""
        return (self.code.sha256,)

    @property
    def code_size(self) -> int:
        """Bytes of its package."""
        return self.code.size

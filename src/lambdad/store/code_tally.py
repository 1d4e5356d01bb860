"""Which packages the resources refer to, and how much they come to.

Counted as resources come and go, so that asking costs the same however many there are.
"""

from __future__ import annotations

from collections import Counter

from lambdad.model.function import Function, FunctionVersion
from lambdad.model.layer import LayerVersion
from lambdad.model.resource import Resource


class CodeTally:
    """Every reference to a package, by its digest, and the bytes of each account and region.

    Each version counts its own package, also when another has the same.
    """

    def __init__(self) -> None:
        self._references: Counter[str] = Counter()
        self._sizes: Counter[tuple[str, str]] = Counter()

    def add(self, resource: Resource) -> None:
        """It is there from now on."""
        self._count(resource, 1)

    def remove(self, resource: Resource) -> None:
        """It is there no more, or is about to be replaced."""
        self._count(resource, -1)

    def refers_to(self, digest: str) -> bool:
        """Whether any resource has this package."""
        return digest in self._references

    def size(self, account_id: str, region: str) -> int:
        """The bytes of all packages of an account in a region."""
        return self._sizes[account_id, region]

    def _count(self, resource: Resource, by: int) -> None:
        if not isinstance(resource, Function | FunctionVersion | LayerVersion):
            return
        self._sizes[resource.key[:2]] += by * resource.code_size
        for digest in resource.digests:
            self._references[digest] += by
            if not self._references[digest]:
                del self._references[digest]

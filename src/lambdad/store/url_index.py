"""Function URLs by their ids: a request names nothing else."""

from __future__ import annotations

from lambdad.model.function_url import FunctionUrl
from lambdad.model.resource import Resource


class UrlIndex:
    """Kept as resources come and go, so that asking costs the same however many there are."""

    def __init__(self) -> None:
        self._urls: dict[str, FunctionUrl] = {}

    def add(self, resource: Resource) -> None:
        """It is there from now on."""
        if isinstance(resource, FunctionUrl):
            self._urls[resource.url_id] = resource

    def remove(self, resource: Resource) -> None:
        """It is there no more, or is about to be replaced."""
        if isinstance(resource, FunctionUrl):
            self._urls.pop(resource.url_id, None)

    def find(self, url_id: str) -> FunctionUrl | None:
        """The URL of this id, if there is one."""
        return self._urls.get(url_id)

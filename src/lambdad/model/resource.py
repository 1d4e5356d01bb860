"""What every resource is: a frozen dataclass that is kept under a key."""

from __future__ import annotations

from typing import ClassVar, Protocol

Key = tuple[str, str, str]  # account id, region, id


class Resource(Protocol):
    """A frozen dataclass of the model; `kind` names its rows.

    The id within account and region is the resource's own; that of what belongs to a function
    begins with the function's name (`thumbnail`, `thumbnail:live`).
    """

    kind: ClassVar[str]

    @property
    def key(self) -> Key:
        """Account id, region (empty for what is the account's alone), id."""

"""How much code an account stores in a region, and how much it may."""

from __future__ import annotations

from lambdad.errors import ClientError
from lambdad.services.lambda_.control_plane import ControlPlane
from lambdad.store.resources import Resources


def code_storage(resources: Resources, account_id: str, region: str) -> int:
    """The bytes of all packages: one for each version of each function, published or not, and one
    for each version of a layer."""
    return resources.code.size(account_id, region)


def check_code_storage(control: ControlPlane, account_id: str, region: str, added: int) -> None:
    """Refuse `added` bytes beyond the quota. Requests that come at the same moment may exceed it
    together, by what they add."""
    if added <= 0:
        return
    if code_storage(control.resources, account_id, region) + added > control.code_storage:
        raise ClientError("CodeStorageExceededException", "Code storage limit exceeded.")

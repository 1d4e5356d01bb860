"""What is served in part, or has another effect here than on AWS: by operation, for the docs.

An operation that is neither here nor refused does what AWS does.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

_PERMISSIONS = (
    "decides over callers of other accounts, and a Deny over all; what is granted to a service or "
    "an organization is kept, and no caller on this server is one"
)

PARTIAL: Mapping[str, str] = MappingProxyType(
    {
        "AddLayerVersionPermission": "an organization has no members on this server",
        "AddPermission": _PERMISSIONS,
        "Invoke": "synchronous invocations and dry runs; `InvocationType` Event comes later",
        "PutResourcePolicy": _PERMISSIONS,
    }
)

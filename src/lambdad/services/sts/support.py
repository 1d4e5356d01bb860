"""What is served in part, or has another effect here than on AWS: by operation, for the docs."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

_OPEN = "session policies and tags are kept, and allow or deny nothing yet"

PARTIAL: Mapping[str, str] = MappingProxyType(
    {
        "AssumeRole": "any caller may assume any role that is there, a function only those of its "
        f"own account: trust policies, ExternalId and MFA are not checked yet; {_OPEN}",
        "GetFederationToken": _OPEN,
        "GetSessionToken": "MFA is not checked yet",
    }
)

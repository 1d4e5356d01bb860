"""What is served in part, or has another effect here than on AWS: by operation, for the docs.

An operation that is neither here nor refused does what AWS does.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

PARTIAL: Mapping[str, str] = MappingProxyType(
    {
        "Invoke": "synchronous invocations and dry runs; `InvocationType` Event comes later",
        "PutFunctionScalingConfig": "the bounds are kept and told, without any effect: there are "
        "no managed instances here",
    }
)

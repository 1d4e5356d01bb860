"""What is served in part, or has another effect here than on AWS: by operation, for the docs.

An operation that is neither here nor refused does what AWS does.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

PARTIAL: Mapping[str, str] = MappingProxyType(
    {
        "Invoke": "synchronous invocations and dry runs; `InvocationType` Event comes later",
        "PublishLayerVersion": "the content is a `ZipFile`; what lies in `/opt/extensions` is not "
        "started yet",
    }
)

"""What is served in part, or has another effect here than on AWS: by operation, for the docs.

An operation that is neither here nor refused does what AWS does.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

_CODE = (
    "container images are kept and do not run; an S3 object is copied also with "
    "`S3ObjectStorageMode` REFERENCE; `SourceKMSKeyArn` encrypts nothing (the disk may)"
)
_SETTINGS = (
    "`VpcConfig`, `KMSKeyArn`, `SnapStart`, `CapacityProviderConfig` and `DurableConfig` are kept "
    "and have no effect; with `LogFormat` JSON the platform's own lines stay text, whatever "
    "`SystemLogLevel` says"
)

PARTIAL: Mapping[str, str] = MappingProxyType(
    {
        "CreateFunction": f"{_CODE}; {_SETTINGS}",
        "UpdateFunctionCode": _CODE,
        "UpdateFunctionConfiguration": _SETTINGS,
        "Invoke": "synchronous invocations and dry runs; `InvocationType` Event comes later",
    }
)

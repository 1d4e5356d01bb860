"""What is served in part, or has another effect here than on AWS: by operation, for the docs.

An operation that is neither here nor refused does what AWS does.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

_FILE_SYSTEMS = (
    "`FileSystemConfigs` mounts the directory that the operator has set for the access point "
    "(setting `file_systems`), needs no `VpcConfig`, and `DirectS3Read` changes nothing"
)
_HOT_RELOAD = (
    "the bucket `hot-reload` mounts the directory that the key names, live, when it lies beneath "
    "one of the setting `hot_reload`"
)

PARTIAL: Mapping[str, str] = MappingProxyType(
    {
        "CreateFunction": f"{_FILE_SYSTEMS}; {_HOT_RELOAD}",
        "Invoke": "synchronous invocations and dry runs; `InvocationType` Event comes later",
        "UpdateFunctionCode": _HOT_RELOAD,
        "UpdateFunctionConfiguration": _FILE_SYSTEMS,
    }
)

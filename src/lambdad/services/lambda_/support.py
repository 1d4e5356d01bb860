"""What is served in part, or has another effect here than on AWS: by operation, for the docs.

An operation that is neither here nor refused does what AWS does.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

PARTIAL: Mapping[str, str] = MappingProxyType(
    {
        "CreateEventSourceMapping": "kept, validated and told; nothing is polled yet, whether the "
        "source exists is not checked, and filters with a KMSKeyArn are not encrypted on disk",
        "CreateFunctionUrlConfig": "kept and told, as `http://<id>.lambda-url.<region>.localhost:"
        "<port>/` with the port that the caller has used; nothing is served there yet",
        "Invoke": "synchronous invocations and dry runs; `InvocationType` Event comes later",
        "InvokeWithResponseStream": "the answer comes as one chunk, when the function has ended",
        "PutFunctionEventInvokeConfig": "kept and told; asynchronous invocations come later",
        "UpdateEventSourceMapping": "as CreateEventSourceMapping",
        "UpdateFunctionEventInvokeConfig": "as PutFunctionEventInvokeConfig",
        "UpdateFunctionUrlConfig": "as CreateFunctionUrlConfig",
    }
)

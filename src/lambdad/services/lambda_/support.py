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
_CODE = (
    "container images are kept and do not run; an S3 object is copied also with "
    "`S3ObjectStorageMode` REFERENCE; `SourceKMSKeyArn` encrypts nothing (the disk may)"
)
_SETTINGS = (
    "`VpcConfig`, `KMSKeyArn`, `SnapStart`, `CapacityProviderConfig` and "
    "`DurableConfig` are kept and have no effect; `TracingConfig` decides `Sampled` of the trace "
    "header; with `LogFormat` JSON the platform's own lines stay text, "
    "whatever `SystemLogLevel` says"
)
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
        "CreateEventSourceMapping": "kept, validated and told; nothing is polled yet, whether the "
        "source exists is not checked, and filters with a KMSKeyArn are not encrypted on disk",
        "CreateFunctionUrlConfig": "the address is `http://<id>.lambda-url.<region>.localhost:"
        "<port>/`, with the scheme and port that the caller has used (`docs/function-urls.md`)",
        "CreateFunction": f"{_CODE}; {_SETTINGS}; {_FILE_SYSTEMS}; {_HOT_RELOAD}",
        "UpdateFunctionCode": f"{_CODE}; {_HOT_RELOAD}",
        "UpdateFunctionConfiguration": f"{_SETTINGS}; {_FILE_SYSTEMS}",
        "UpdateEventSourceMapping": "as CreateEventSourceMapping",
        "UpdateFunctionUrlConfig": "as CreateFunctionUrlConfig",
        "CreateCapacityProvider": "kept and told; no instances are made, every function runs "
        "on this machine",
        "CreateCodeSigningConfig": "packages are signed with `lambdad sign` or openssl, not with "
        "AWS Signer; the operator says whose certificate a signing profile means "
        "(`docs/code-signing.md`)",
        **dict.fromkeys(
            (
                "CheckpointDurableExecution",
                "GetDurableExecution",
                "GetDurableExecutionHistory",
                "GetDurableExecutionState",
                "ListDurableExecutionsByFunction",
                "StopDurableExecution",
                "PauseDurableExecution",
                "ResumeDurableExecution",
                "DeleteDurableExecution",
                "SendDurableExecutionCallbackSuccess",
                "SendDurableExecutionCallbackFailure",
                "SendDurableExecutionCallbackHeartbeat",
            ),
            "works on executions that are there; nothing starts one yet",
        ),
        "PutFunctionRecursionConfig": "loops are found among functions that invoke each other with "
        "an AWS SDK, which passes the trace header on; not through queues, topics and buckets",
        "PutRuntimeManagementConfig": "kept and told; a function runs on the interpreters that "
        "this machine has, whatever the mode",
        "PutFunctionScalingConfig": "the bounds are kept and told, without any effect: there are "
        "no managed instances here",
        "AddLayerVersionPermission": "an organization has no members on this server",
        "AddPermission": _PERMISSIONS,
        "PutResourcePolicy": _PERMISSIONS,
        "PublishLayerVersion": "what lies in `/opt/extensions` is not started yet",
    }
)

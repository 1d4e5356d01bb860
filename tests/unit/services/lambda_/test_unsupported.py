"""No parameter of AWS's model is missing: each is honoured, or named as not."""

from __future__ import annotations

import botocore.session
import pytest
from botocore.model import ServiceModel

from lambdad.services.lambda_.parameters import FIELDS
from lambdad.services.lambda_.unsupported import PARAMETERS

HONOURED = {
    "CreateFunction": {
        *FIELDS,
        *(
            "Architectures",
            "Publish",
            "PublishTo",
            "Code.S3Key",
            "Code.ZipFile",
            "Environment",
            "EphemeralStorage",
            "FileSystemConfigs",
            "FunctionName",
        ),
        *("LoggingConfig.ApplicationLogLevel", "LoggingConfig.LogGroup"),
        *("LoggingConfig.SystemLogLevel", "Tags", "TracingConfig"),
    },
    "UpdateFunctionCode": {
        *("Architectures", "DryRun", "FunctionName", "Publish", "PublishTo", "RevisionId"),
        *("S3Key", "ZipFile"),
    },
    "UpdateFunctionConfiguration": {
        *FIELDS,
        *("Environment", "EphemeralStorage", "FileSystemConfigs", "FunctionName"),
        *("LoggingConfig.ApplicationLogLevel", "LoggingConfig.LogGroup"),
        *("LoggingConfig.SystemLogLevel", "RevisionId", "TracingConfig"),
    },
    "Invoke": {
        *("ClientContext", "FunctionName", "InvocationType", "LogType", "Payload", "Qualifier"),
    },
}


@pytest.fixture(scope="module")
def model() -> ServiceModel:
    return botocore.session.get_session().get_service_model("lambda")


@pytest.mark.parametrize("operation", HONOURED)
def test_every_parameter_is_honoured_or_listed(model: ServiceModel, operation: str) -> None:
    shape = model.operation_model(operation).input_shape
    paths = set()
    for member, inner in shape.members.items():
        if member in ("Code", "LoggingConfig", "SnapStart"):
            paths |= {f"{member}.{name}" for name in inner.members}
        else:
            paths.add(member)
    assert paths - HONOURED[operation] <= PARAMETERS.keys()
    assert HONOURED[operation] <= paths
    assert not HONOURED[operation] & PARAMETERS.keys()

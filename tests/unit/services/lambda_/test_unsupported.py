"""No parameter of AWS's model is missing: each is honoured, or named as not."""

from __future__ import annotations

import botocore.session
import pytest
from botocore.model import ServiceModel

from lambdad.services.lambda_.parameters import FIELDS
from lambdad.services.lambda_.unsupported import PARAMETERS

_CODE = {
    *("ZipFile", "S3Bucket", "S3Key", "S3ObjectVersion", "S3ObjectStorageMode"),
    *("ImageUri", "SourceKMSKeyArn"),
}
_SETTINGS = {
    *FIELDS,
    *("CapacityProviderConfig", "DeadLetterConfig", "DurableConfig", "Environment"),
    *(
        "EphemeralStorage",
        "FileSystemConfigs",
        "FunctionName",
        "ImageConfig",
        "KMSKeyArn",
        "LoggingConfig",
    ),
    *("Layers", "SnapStart", "TracingConfig", "VpcConfig"),
}
HONOURED = {
    "CreateFunction": {
        *_SETTINGS,
        *("Architectures", "Code", "CodeSigningConfigArn", "PackageType", "Publish", "PublishTo"),
        *("Tags", "TenancyConfig"),
    },
    "UpdateFunctionCode": {
        *_CODE,
        *("Architectures", "DryRun", "FunctionName", "Publish", "PublishTo", "RevisionId"),
    },
    "UpdateFunctionConfiguration": {*_SETTINGS, "RevisionId"},
    "Invoke": {
        *("ClientContext", "FunctionName", "InvocationType", "LogType", "Payload", "Qualifier"),
        "TenantId",
    },
}


@pytest.fixture(scope="module")
def model() -> ServiceModel:
    return botocore.session.get_session().get_service_model("lambda")


@pytest.mark.parametrize("operation", HONOURED)
def test_every_parameter_is_honoured_or_listed(model: ServiceModel, operation: str) -> None:
    shape = model.operation_model(operation).input_shape
    paths = set(shape.members)
    assert paths - HONOURED[operation] <= PARAMETERS
    assert HONOURED[operation] <= paths
    assert not HONOURED[operation] & PARAMETERS


def test_every_source_of_code_is_honoured(model: ServiceModel) -> None:
    assert model.shape_for("FunctionCode").members.keys() == _CODE

"""As a developer I keep capacity providers, and publish to `$LATEST.PUBLISHED`."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from support.clients import ROLE
from support.functions import DeployedFunction
from support.waiting import wait_until

pytestmark = pytest.mark.slow
MakeFunction = Callable[..., DeployedFunction]
VPC = {"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}
PERMISSIONS = {"CapacityProviderOperatorRoleArn": ROLE}


def test_a_capacity_provider_lives_as_long_as_it_is_wanted(lambda_client: Any) -> None:
    # Given
    errors = lambda_client.exceptions
    name = f"provider-{uuid.uuid4().hex[:10]}"
    created = lambda_client.create_capacity_provider(
        CapacityProviderName=name,
        VpcConfig=VPC,
        PermissionsConfig=PERMISSIONS,
        CapacityProviderScalingConfig={"MaxVCpuCount": 4},
        Tags={"team": "a"},
    )
    assert created["ResponseMetadata"]["HTTPStatusCode"] == 202
    provider = created["CapacityProvider"]
    arn = provider["CapacityProviderArn"]
    assert provider["State"] == "Pending"

    def get(name: str = name) -> dict[str, Any]:
        return dict(lambda_client.get_capacity_provider(CapacityProviderName=name))

    # When it is there
    wait_until(lambda: get()["CapacityProvider"]["State"] == "Active", "Active")
    # Then it can be changed, listed and tagged
    assert get(arn)["CapacityProvider"] == {**provider, "State": "Active"}
    updated = lambda_client.update_capacity_provider(
        CapacityProviderName=name,
        CapacityProviderScalingConfig={"MaxVCpuCount": 8},
        TelemetryConfig={"LoggingConfig": {"SystemLogLevel": "INFO"}},
    )
    assert updated["ResponseMetadata"]["HTTPStatusCode"] == 202
    scaling = updated["CapacityProvider"]["CapacityProviderScalingConfig"]
    assert scaling == {"MaxVCpuCount": 8, "ScalingMode": "Auto"}
    pages = lambda_client.get_paginator("list_capacity_providers").paginate(
        State="Active", PaginationConfig={"PageSize": 1}
    )
    found = [each["CapacityProviderArn"] for page in pages for each in page["CapacityProviders"]]
    assert arn in found
    assert lambda_client.list_tags(Resource=arn)["Tags"] == {"team": "a"}
    pages = lambda_client.get_paginator("list_function_versions_by_capacity_provider").paginate(
        CapacityProviderName=name
    )
    assert [page["FunctionVersions"] for page in pages] == [[]]
    # And what is wrong is refused
    with pytest.raises(errors.ResourceConflictException):
        lambda_client.create_capacity_provider(
            CapacityProviderName=name, VpcConfig=VPC, PermissionsConfig=PERMISSIONS
        )
    with pytest.raises(ClientError, match="Validation"):
        lambda_client.create_capacity_provider(
            CapacityProviderName=name,
            VpcConfig=VPC,
            PermissionsConfig={"CapacityProviderOperatorRoleArn": "nobody"},
        )
    with pytest.raises(errors.InvalidParameterValueException):
        lambda_client.update_capacity_provider(
            CapacityProviderName=name, CapacityProviderScalingConfig={"ScalingMode": "Manual"}
        )
    # When it is deleted
    deleted = lambda_client.delete_capacity_provider(CapacityProviderName=name)
    assert deleted["CapacityProvider"]["State"] == "Deleting"

    # Then it goes
    def is_gone() -> bool:
        try:
            get()
        except errors.ResourceNotFoundException:
            return True
        return False

    wait_until(is_gone, "gone")


def test_the_latest_published_version_is_invoked_by_its_name(make_function: MakeFunction) -> None:
    # Given
    function = make_function("echo", PublishTo="LATEST_PUBLISHED")
    client, name = function.client, function.name
    # When
    answer = client.invoke(FunctionName=name, Qualifier="$LATEST.PUBLISHED", Payload=b'{"a": 1}')
    # Then
    assert answer["ExecutedVersion"] == "$LATEST.PUBLISHED"
    assert answer["Payload"].read() == b'{"a": 1}'
    found = client.get_function(FunctionName=f"{name}:$LATEST.PUBLISHED")["Configuration"]
    assert (found["Version"], found["State"]) == ("$LATEST.PUBLISHED", "Active")
    published = client.publish_version(FunctionName=name, PublishTo="LATEST_PUBLISHED")
    assert published["Version"] == "$LATEST.PUBLISHED"
    listed = client.list_versions_by_function(FunctionName=name)["Versions"]
    assert [each["Version"] for each in listed] == ["$LATEST", "$LATEST.PUBLISHED"]

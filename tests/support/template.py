"""Applies the Lambda and IAM resources of a CloudFormation template, in dependency order.

What CloudFormation would do with the output of AWS's SAM translator, as far as these two services
go: references resolved, one API call (or a few) for each resource, waiters in between, and all of
it deleted in the reverse order. Resources of services that are not served yet get a plausible ARN.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from graphlib import TopologicalSorter
from typing import Any

from support.clients import ACCOUNT, REGION
from support.waiting import wait_until

_SUBSTITUTED = re.compile(r"\$\{([^}!]+)\}")
PSEUDO = {"AWS::AccountId": ACCOUNT, "AWS::Region": REGION, "AWS::Partition": "aws"}


@dataclass(frozen=True)
class Made:
    """A resource that exists: what Ref gives, what GetAtt gives, and how to delete it."""

    ref: str
    attributes: Mapping[str, str] = field(default_factory=dict)
    delete: Callable[[], object] = lambda: None


@dataclass
class Stack:
    """The resources of one template. `packages` are the zips by S3Key, as `sam package` uploads
    them."""

    lambda_client: Any
    iam_client: Any
    packages: Mapping[str, bytes]
    made: dict[str, Made] = field(default_factory=dict)

    def apply(self, template: Mapping[str, Any]) -> None:
        """Create every resource."""
        resources = template["Resources"]
        graph = {name: set(_needs(each)) & resources.keys() for name, each in resources.items()}
        for name in TopologicalSorter(graph).static_order():
            resource = resources[name]
            properties = self._resolved(resource.get("Properties", {}))
            self.made[name] = self._create(resource["Type"], name, properties)

    def delete(self) -> None:
        """Delete every resource, the latest first."""
        for made in reversed(self.made.values()):
            made.delete()
        self.made.clear()

    def _create(self, kind: str, name: str, properties: dict[str, Any]) -> Made:
        create = {
            "AWS::IAM::Role": self._role,
            "AWS::Lambda::Alias": self._alias,
            "AWS::Lambda::EventInvokeConfig": self._event_invoke_config,
            "AWS::Lambda::EventSourceMapping": self._event_source_mapping,
            "AWS::Lambda::Function": self._function,
            "AWS::Lambda::LayerVersion": self._layer_version,
            "AWS::Lambda::Permission": self._permission,
            "AWS::Lambda::Url": self._url,
            "AWS::Lambda::Version": self._version,
        }.get(kind)
        if create is None:
            assert not kind.startswith(("AWS::Lambda", "AWS::IAM")), kind
            service = kind.split("::")[1].lower()
            return Made(name, {"Arn": f"arn:aws:{service}:{REGION}:{ACCOUNT}:{name}"})
        return create(name, properties)

    def _resolved(self, value: Any) -> Any:
        """The value with every reference replaced by what it refers to."""
        match value:
            case {"Ref": name}:
                return PSEUDO[name] if name in PSEUDO else self.made[name].ref
            case {"Fn::GetAtt": [name, attribute]}:
                return self.made[name].attributes[attribute]
            case {"Fn::Sub": str(text)}:
                return _SUBSTITUTED.sub(lambda match: self._substitute(match[1]), text)
            case {"Fn::Join": [separator, parts]}:
                return separator.join(self._resolved(part) for part in parts)
            case dict():
                return {name: self._resolved(member) for name, member in value.items()}
            case list():
                return [self._resolved(item) for item in value]
        return value

    def _substitute(self, name: str) -> str:
        resource, _, attribute = name.partition(".")
        reference: Any = {"Fn::GetAtt": [resource, attribute]} if attribute else {"Ref": resource}
        return str(self._resolved(reference))

    # One function for each type of resource

    def _role(self, name: str, properties: dict[str, Any]) -> Made:
        role_name = f"{name}-{uuid.uuid4().hex[:8]}"
        role = self.iam_client.create_role(
            RoleName=role_name,
            AssumeRolePolicyDocument=json.dumps(properties["AssumeRolePolicyDocument"]),
            Tags=properties.get("Tags", []),
        )["Role"]
        self.iam_client.get_waiter("role_exists").wait(
            RoleName=role_name, WaiterConfig={"Delay": 0}
        )
        for arn in properties.get("ManagedPolicyArns", []):
            self.iam_client.attach_role_policy(RoleName=role_name, PolicyArn=arn)
        for policy in properties.get("Policies", []):
            self.iam_client.put_role_policy(
                RoleName=role_name,
                PolicyName=policy["PolicyName"],
                PolicyDocument=json.dumps({"Version": "2012-10-17", **policy["PolicyDocument"]}),
            )

        def delete() -> None:
            iam, own = self.iam_client, {"RoleName": role_name}
            for each in iam.list_attached_role_policies(**own)["AttachedPolicies"]:
                iam.detach_role_policy(**own, PolicyArn=each["PolicyArn"])
            for policy_name in iam.list_role_policies(**own)["PolicyNames"]:
                iam.delete_role_policy(**own, PolicyName=policy_name)
            iam.delete_role(**own)

        return Made(role_name, {"Arn": role["Arn"]}, delete)

    def _function(self, name: str, properties: dict[str, Any]) -> Made:
        function_name = properties.pop("FunctionName", f"{name}-{uuid.uuid4().hex[:8]}")
        reserved = properties.pop("ReservedConcurrentExecutions", None)
        properties["Tags"] = {tag["Key"]: tag["Value"] for tag in properties.get("Tags", [])}
        properties["Code"] = self._code(properties["Code"])
        created = self.lambda_client.create_function(FunctionName=function_name, **properties)
        self.lambda_client.get_waiter("function_active_v2").wait(
            FunctionName=function_name, WaiterConfig={"Delay": 0.05, "MaxAttempts": 600}
        )
        if reserved is not None:
            self.lambda_client.put_function_concurrency(
                FunctionName=function_name, ReservedConcurrentExecutions=reserved
            )
        return Made(
            function_name,
            {"Arn": created["FunctionArn"]},
            lambda: self.lambda_client.delete_function(FunctionName=function_name),
        )

    def _version(self, name: str, properties: dict[str, Any]) -> Made:
        version = self.lambda_client.publish_version(**properties)
        self.lambda_client.get_waiter("published_version_active").wait(
            FunctionName=properties["FunctionName"],
            Qualifier=version["Version"],
            WaiterConfig={"Delay": 0.05, "MaxAttempts": 600},
        )
        return Made(version["FunctionArn"], {"Version": version["Version"]})

    def _alias(self, name: str, properties: dict[str, Any]) -> Made:
        provisioned = properties.pop("ProvisionedConcurrencyConfig", None)
        alias = self.lambda_client.create_alias(**properties)
        qualified = {"FunctionName": properties["FunctionName"], "Qualifier": alias["Name"]}
        if provisioned:
            self.lambda_client.put_provisioned_concurrency_config(**qualified, **provisioned)

        def delete() -> None:
            if provisioned:
                self.lambda_client.delete_provisioned_concurrency_config(**qualified)
            self.lambda_client.delete_alias(
                FunctionName=properties["FunctionName"], Name=alias["Name"]
            )

        return Made(alias["AliasArn"], {}, delete)

    def _url(self, name: str, properties: dict[str, Any]) -> Made:
        function = properties.pop("TargetFunctionArn")
        made = self.lambda_client.create_function_url_config(FunctionName=function, **properties)
        return Made(
            function,
            {"FunctionUrl": made["FunctionUrl"]},
            lambda: self.lambda_client.delete_function_url_config(FunctionName=function),
        )

    def _permission(self, name: str, properties: dict[str, Any]) -> Made:
        own = {"FunctionName": properties["FunctionName"], "StatementId": name}
        self.lambda_client.add_permission(StatementId=name, **properties)
        return Made(name, {}, lambda: self.lambda_client.remove_permission(**own))

    def _event_invoke_config(self, name: str, properties: dict[str, Any]) -> Made:
        self.lambda_client.put_function_event_invoke_config(**properties)
        own = {member: properties[member] for member in ("FunctionName", "Qualifier")}
        return Made(name, {}, lambda: self.lambda_client.delete_function_event_invoke_config(**own))

    def _event_source_mapping(self, name: str, properties: dict[str, Any]) -> Made:
        mapping = self.lambda_client.create_event_source_mapping(**properties)["UUID"]
        return Made(mapping, {"Id": mapping}, lambda: self._delete_mapping(mapping))

    def _delete_mapping(self, mapping: str) -> None:
        wait_until(
            lambda: self.lambda_client.get_event_source_mapping(UUID=mapping)["State"] == "Enabled",
            "the mapping is enabled",
        )
        self.lambda_client.delete_event_source_mapping(UUID=mapping)

    def _layer_version(self, name: str, properties: dict[str, Any]) -> Made:
        properties["Content"] = self._code(properties["Content"])
        version = self.lambda_client.publish_layer_version(**properties)
        own = {"LayerName": properties["LayerName"], "VersionNumber": version["Version"]}
        return Made(
            version["LayerVersionArn"], {}, lambda: self.lambda_client.delete_layer_version(**own)
        )

    def _code(self, code: Mapping[str, str]) -> dict[str, bytes]:
        return {"ZipFile": self.packages[code["S3Key"]]}


def _needs(value: Any) -> Iterator[str]:
    """The names of the resources that a resource refers to."""
    match value:
        case {"Ref": str(name)}:
            yield name
        case {"Fn::GetAtt": [str(name), _]}:
            yield name
        case {"Fn::Sub": str(text)}:
            yield from (match[1].partition(".")[0] for match in _SUBSTITUTED.finditer(text))
        case dict():
            depends = value.get("DependsOn", [])
            yield from [depends] if isinstance(depends, str) else depends
            for member in value.values():
                yield from _needs(member)
        case list():
            for item in value:
                yield from _needs(item)

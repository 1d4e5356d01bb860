"""What functions claim of their account's concurrency, by what is reserved and provisioned."""

from __future__ import annotations

from collections.abc import Iterator

from lambdad.arn import LATEST
from lambdad.errors import ClientError, invalid_parameter
from lambdad.model.alias import Alias
from lambdad.model.concurrency import UNCLAIMED, FunctionConcurrency, ProvisionedVersion
from lambdad.model.function import LATEST_PUBLISHED, Function, FunctionVersion
from lambdad.model.provisioned_concurrency import ProvisionedConcurrency
from lambdad.model.resource import Key
from lambdad.services.lambda_.control_plane import ControlPlane
from lambdad.store.resources import Resources


def apply_claims(control: ControlPlane, key: Key) -> None:
    """Tell the data plane what a function has reserved and provisioned now, if it still exists.

    Whoever changes that calls this when it is saved, and whoever changes or deletes an alias or a
    version.
    """
    function = control.resources.find(Function, *key)
    concurrency = function_concurrency(control.resources, function) if function else UNCLAIMED
    control.invoker.set_concurrency(key, concurrency)


def function_concurrency(resources: Resources, function: Function) -> FunctionConcurrency:
    """What a function has reserved and provisioned."""
    configs = resources.beneath(ProvisionedConcurrency, function.key)
    found = ((config, provisioned_version(resources, config)) for config in configs)
    return FunctionConcurrency(
        function.reserved_concurrency,
        tuple(ProvisionedVersion(version, config.requested) for config, version in found),
    )


def provisioned_version(resources: Resources, config: ProvisionedConcurrency) -> FunctionVersion:
    """The version whose environments are meant: that which an alias points to now."""
    alias = resources.find(Alias, *config.key)
    number = alias.function_version if alias else config.qualifier
    id = f"{config.function_name}:{number}"
    version = resources.find(FunctionVersion, config.account_id, config.region, id)
    assert version is not None, f"{config.arn} is provisioned and has no version"
    return version


def account_claims(resources: Resources, account_id: str, region: str, *, besides: str = "") -> int:
    """What all functions of an account have claimed, `besides` the function of this name."""
    reserved = {
        function.name: function.reserved_concurrency
        for function in resources.list(Function, account_id, region)
        if function.reserved_concurrency is not None
    }
    provisioned = (
        config.requested
        for config in resources.list(ProvisionedConcurrency, account_id, region)
        if config.function_name not in reserved and config.function_name != besides
    )
    return sum(reserved.values()) - reserved.get(besides, 0) + sum(provisioned)


def account_key(key: Key) -> Key:
    """What is locked while a function's claim is held against those of the others."""
    return (*key[:2], "")


def check_provisioned_alias(control: ControlPlane, alias: Alias) -> None:
    """An alias may become this, if it has provisioned concurrency: one published version, which
    has none by another way."""
    config = control.resources.find(ProvisionedConcurrency, *alias.key)
    if config is not None:
        check_unweighted(alias)
        check_provisioned_once(control.resources, config, alias.function_version)
        id = f"{alias.function_name}:{alias.function_version}"
        version = control.resources.find(FunctionVersion, alias.account_id, alias.region, id)
        assert version is not None, f"{alias.arn} points to no version"
        check_can_be_provisioned(version)


def check_can_be_provisioned(version: FunctionVersion) -> None:
    """What can be initialized ahead: neither images, which do not run yet, nor versions whose
    environments belong to a tenant or come from a snapshot."""
    reasons = {
        "functions created with container images": version.is_image,
        "functions with tenant isolation": version.is_per_tenant,
        "SnapStart enabled functions": bool(version.settings.get("SnapStart")),
    }
    for what, is_so in reasons.items():
        if is_so:
            raise invalid_parameter(f"Provisioned Concurrency is not supported for {what}.")


def check_unweighted(alias: Alias) -> None:
    """An alias with weights cannot have provisioned concurrency."""
    if alias.weights:
        raise ClientError(
            "InvalidParameterValueException",
            "Alias with weights can not be used with Provisioned Concurrency",
        )


def check_provisioned_once(
    resources: Resources, config: ProvisionedConcurrency, version: str
) -> None:
    """`config` may be for this version: it is published, and no other config is for it."""
    if version in (LATEST, LATEST_PUBLISHED):
        raise ClientError(
            "InvalidParameterValueException",
            "Provisioned Concurrency Configs cannot be applied to unpublished function versions.",
        )
    for other in _others(resources, config):
        if provisioned_version(resources, other).version == version:
            raise ClientError(
                "ResourceConflictException",
                "Version is pointed by a Provisioned Concurrency alias"
                if config.qualifier == version
                else "Alias can't be used for Provisioned Concurrency configuration on an already "
                "Provisioned version",
            )


def _others(
    resources: Resources, config: ProvisionedConcurrency
) -> Iterator[ProvisionedConcurrency]:
    key = (config.account_id, config.region, config.function_name)
    return (
        each
        for each in resources.beneath(ProvisionedConcurrency, key)
        if each.qualifier != config.qualifier
    )

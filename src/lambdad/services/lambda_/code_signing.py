"""Code signing: configs that say who may sign packages, and the functions that use them."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from lambdad.arn import function_arn
from lambdad.clock import to_datetime
from lambdad.errors import ClientError, invalid_parameter
from lambdad.model.caller import RequestContext
from lambdad.model.code_signing import CodeSigningConfig
from lambdad.model.function import AttachedLayer, Code, Function
from lambdad.model.resource import Key
from lambdad.services.lambda_ import names
from lambdad.services.lambda_.configuration import timestamp
from lambdad.services.lambda_.control_plane import ControlPlane
from lambdad.services.lambda_.paging import page
from lambdad.services.lambda_.parameters import checked_tags

if TYPE_CHECKING:
    from lambdad.model.package_signature import Publishers

PAGE_SIZE = 10_000
ONLY_PACKAGES = "Only packages can be signed: neither images nor live code."
PUBLISHER = "SigningProfileVersionArn"  # of a FunctionConfiguration

_log = logging.getLogger(__name__)


async def verify_signatures(
    control: ControlPlane,
    config: CodeSigningConfig | None,
    code: Code,
    layers: Iterable[AttachedLayer] = (),
) -> str | None:
    """The publisher that signed a function's package, or None where nobody asks or the config only
    warns; else AWS's error. Its layers must be signed, too."""
    if config is None:
        return None
    if code.image_uri or code.directory:
        raise invalid_parameter(ONLY_PACKAGES)
    await verify_layers(control, config, layers)
    return await _publisher(control, config, code)


async def verify_layers(
    control: ControlPlane, config: CodeSigningConfig | None, layers: Iterable[AttachedLayer]
) -> None:
    """Raise AWS's error unless these layers are signed as the config wants."""
    if config is not None:
        for layer in layers:
            await _publisher(control, config, layer.code)


async def _publisher(control: ControlPlane, config: CodeSigningConfig, code: Code) -> str | None:
    content = await control.blobs.read(code.sha256)
    publishers = {arn: control.signing_profiles.get(arn, ()) for arn in config.publishers}
    now = to_datetime(control.clock.now())
    try:
        return await asyncio.to_thread(_verify, content, publishers, now)
    except ClientError as error:
        if error.code != "CodeVerificationFailedException" or config.policy != "Warn":
            raise
        control.emit("SignatureValidationErrors", (config.account_id, config.region, ""))
        _log.warning("A package was let through, for %s only warns. %s", config.arn, error.message)
        return None


def _verify(content: bytes, publishers: Publishers, now: datetime) -> str:
    # Imported where it is wanted: cryptography would cost every server's start 50 ms and 9 MB.
    from lambdad.model.package_signature import verify_package

    return verify_package(content, publishers, now)


def signed_settings(settings: Mapping[str, Any], publisher: str | None) -> dict[str, Any]:
    """The settings of a version whose code `publisher` has signed, or nobody."""
    rest = {name: value for name, value in settings.items() if name != PUBLISHER}
    return {**rest, PUBLISHER: publisher} if publisher else rest


@asynccontextmanager
async def held_config(
    control: ControlPlane, context: RequestContext, arn: str | None
) -> AsyncIterator[CodeSigningConfig | None]:
    """The config that a function is to use, which nobody deletes meanwhile; None if there is no
    ARN. Whoever holds a function's lock, too, has taken that one first."""
    if not arn:
        yield None
        return
    key = _key(context, arn)
    async with control.changes.lock(key, CodeSigningConfig.kind):
        config = control.resources.find(CodeSigningConfig, *key)
        if config is None:
            raise ClientError(
                "CodeSigningConfigNotFoundException",
                "The code signing configuration cannot be found. Check that the provided "
                f"configuration is not deleted: {arn}.",
            )
        yield config


def config_of(control: ControlPlane, function: Function) -> CodeSigningConfig | None:
    """The config that a function uses."""
    if function.code_signing_config is None:
        return None
    account_id, region, _ = function.key
    return control.resources.find(
        CodeSigningConfig, account_id, region, function.code_signing_config
    )


# Configs


async def create_code_signing_config(
    control: ControlPlane, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Make a config; it has an effect on the functions that use it."""
    config = CodeSigningConfig(
        account_id=context.caller.account_id,
        region=context.caller.region,
        id=f"csc-0{secrets.token_hex(8)}",
        publishers=(),
        last_modified=0.0,
        tags=checked_tags(request.get("Tags", {})),
    )
    config = _changed(control, config, request)
    await control.resources.save(config)
    return {"CodeSigningConfig": _description(config)}


async def get_code_signing_config(
    control: ControlPlane, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """One config."""
    return {"CodeSigningConfig": _description(_find(control, context, request))}


async def list_code_signing_configs(
    control: ControlPlane, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """A page of the caller's configs by id."""
    caller, marker = context.caller, request.get("Marker", "")
    configs = control.resources.list(
        CodeSigningConfig, caller.account_id, caller.region, after=marker
    )
    found, following = page(configs, request, lambda each: each.id, largest=PAGE_SIZE)
    return {"CodeSigningConfigs": [_description(each) for each in found], **following}


async def update_code_signing_config(
    control: ControlPlane, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Change a config; packages that were deployed before stay."""
    key = _key(context, request["CodeSigningConfigArn"])
    async with control.changes.lock(key, CodeSigningConfig.kind):
        config = _changed(control, _find(control, context, request), request)
        await control.resources.save(config)
    return {"CodeSigningConfig": _description(config)}


async def delete_code_signing_config(
    control: ControlPlane, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Delete a config that no function uses."""
    key = _key(context, request["CodeSigningConfigArn"])
    async with control.changes.lock(key, CodeSigningConfig.kind):
        config = _find(control, context, request)
        users = list(_functions_using(control, config))
        if users:
            raise ClientError(
                "ResourceConflictException",
                f"The code signing configuration {config.arn} is used by {len(users)} function(s), "
                f"{users[0].name} among them. Remove it from them before you delete it.",
            )
        await control.resources.delete(config)
    return {}


async def list_functions_by_code_signing_config(
    control: ControlPlane, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """A page of the functions that use a config, by name."""
    config = _find(control, context, request)
    functions = _functions_using(control, config, after=request.get("Marker", ""))
    found, following = page(functions, request, lambda each: each.name, largest=PAGE_SIZE)
    return {"FunctionArns": [function_arn(*each.key) for each in found], **following}


# The config of a function


async def put_function_code_signing_config(
    control: ControlPlane, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Let a function use a config, from the next deployment of code on."""
    name = names.resolve_unqualified(context, request)
    arn = request["CodeSigningConfigArn"]
    async with control.changes.lock(name.key), held_config(control, context, arn) as config:
        function = names.find_function(control.resources, name)
        assert config is not None
        if function.newest.is_image:
            raise invalid_parameter(ONLY_PACKAGES)
        await control.resources.save(replace(function, code_signing_config=config.id))
    return {"CodeSigningConfigArn": arn, "FunctionName": name.name}


async def get_function_code_signing_config(
    control: ControlPlane, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """The config that a function uses; nothing at all when it uses none."""
    name = names.resolve_unqualified(context, request)
    config = config_of(control, names.find_function(control.resources, name))
    return {"CodeSigningConfigArn": config.arn, "FunctionName": name.name} if config else {}


async def delete_function_code_signing_config(
    control: ControlPlane, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Let a function use no config; it is no error when it uses none."""
    name = names.resolve_unqualified(context, request)
    async with control.changes.lock(name.key):
        function = names.find_function(control.resources, name)
        await control.resources.save(replace(function, code_signing_config=None))
    return {}


def _key(context: RequestContext, arn: str) -> Key:
    """Where a config lives. One of another account or region is not here."""
    _, _, _, region, account_id, _, id = arn.split(":")
    caller = context.caller
    if (account_id, region) != (caller.account_id, caller.region):
        raise _not_found(arn)
    return (account_id, region, id)


def _find(
    control: ControlPlane, context: RequestContext, request: Mapping[str, Any]
) -> CodeSigningConfig:
    arn = request["CodeSigningConfigArn"]
    config = control.resources.find(CodeSigningConfig, *_key(context, arn))
    if config is None:
        raise _not_found(arn)
    return config


def _functions_using(
    control: ControlPlane, config: CodeSigningConfig, *, after: str = ""
) -> Iterator[Function]:
    functions = control.resources.list(Function, config.account_id, config.region, after=after)
    return (each for each in functions if each.code_signing_config == config.id)


def _changed(
    control: ControlPlane, config: CodeSigningConfig, request: Mapping[str, Any]
) -> CodeSigningConfig:
    """The config with what the request names."""
    publishers = request.get("AllowedPublishers", {}).get("SigningProfileVersionArns")
    policies = request.get("CodeSigningPolicies", {})
    return replace(
        config,
        publishers=config.publishers if publishers is None else tuple(publishers),
        policy=policies.get("UntrustedArtifactOnDeployment", config.policy),
        description=request.get("Description", config.description),
        last_modified=control.clock.now(),
    )


def _description(config: CodeSigningConfig) -> dict[str, Any]:
    """A config as AWS's CodeSigningConfig."""
    return {
        "CodeSigningConfigId": config.id,
        "CodeSigningConfigArn": config.arn,
        "Description": config.description,
        "AllowedPublishers": {"SigningProfileVersionArns": list(config.publishers)},
        "CodeSigningPolicies": {"UntrustedArtifactOnDeployment": config.policy},
        "LastModified": timestamp(config.last_modified),
    }


def _not_found(arn: str) -> ClientError:
    return ClientError(
        "ResourceNotFoundException",
        f"The Lambda code signing configuration {arn} can not be found.",
    )


OPERATIONS = {
    "CreateCodeSigningConfig": create_code_signing_config,
    "DeleteCodeSigningConfig": delete_code_signing_config,
    "DeleteFunctionCodeSigningConfig": delete_function_code_signing_config,
    "GetCodeSigningConfig": get_code_signing_config,
    "GetFunctionCodeSigningConfig": get_function_code_signing_config,
    "ListCodeSigningConfigs": list_code_signing_configs,
    "ListFunctionsByCodeSigningConfig": list_functions_by_code_signing_config,
    "PutFunctionCodeSigningConfig": put_function_code_signing_config,
    "UpdateCodeSigningConfig": update_code_signing_config,
}

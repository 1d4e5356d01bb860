"""Function URL configs. A URL leads to this server: `http://<id>.lambda-url.<region>.localhost:…/`."""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from lambdad.errors import ClientError
from lambdad.model.caller import RequestContext
from lambdad.model.function_url import FunctionUrl
from lambdad.services.lambda_ import names
from lambdad.services.lambda_.configuration import timestamp
from lambdad.services.lambda_.control_plane import ControlPlane
from lambdad.services.lambda_.names import FunctionName
from lambdad.services.lambda_.paging import page

PAGE_SIZE = 50
_LETTERS = "abcdefghijklmnopqrstuvwxyz234567"
_ID_LENGTH = 32


async def create_function_url_config(
    control: ControlPlane, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Give the function, or an alias of it, a URL."""
    name = _name(context, request)
    async with control.changes.lock(name.key):
        names.find_version(control.resources, name)
        if control.resources.find(FunctionUrl, *name.qualified_key):
            raise ClientError(
                "ResourceConflictException",
                f"Failed to create function url config for [functionArn = {name.arn}]. Error "
                "message:  FunctionUrlConfig exists for this Lambda function",
            )
        now = control.clock.now()
        url = FunctionUrl(
            account_id=name.account_id,
            region=name.region,
            function_name=name.name,
            qualifier=name.qualifier or "",
            url_id="".join(secrets.choice(_LETTERS) for _ in range(_ID_LENGTH)),
            auth_type=request["AuthType"],
            created=now,
            last_modified=now,
            invoke_mode=request.get("InvokeMode", "BUFFERED"),
            cors=request.get("Cors"),
        )
        await control.resources.save(url)
    answer = _configuration(context, url)
    del answer["LastModifiedTime"]  # as AWS has it: only the other operations tell
    return answer


async def get_function_url_config(
    control: ControlPlane, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """One URL."""
    return _configuration(context, _find(control, _name(context, request)))


async def list_function_url_configs(
    control: ControlPlane, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """A page of the URLs that a function and its aliases have."""
    name = names.resolve_unqualified(context, request)
    names.find_function(control.resources, name)
    marker = request.get("Marker", "")
    urls = (
        url
        for url in control.resources.beneath(FunctionUrl, name.key)
        if not marker or url.key[2] > marker
    )
    found, following = page(urls, request, lambda url: url.key[2], largest=PAGE_SIZE)
    return {"FunctionUrlConfigs": [_configuration(context, url) for url in found], **following}


async def update_function_url_config(
    control: ControlPlane, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Change what the request names; the address stays. `Cors` is replaced as a whole."""
    name = _name(context, request)
    async with control.changes.lock(name.key):
        url = _find(control, name)
        url = replace(
            url,
            auth_type=request.get("AuthType", url.auth_type),
            invoke_mode=request.get("InvokeMode", url.invoke_mode),
            cors=request.get("Cors", url.cors) or None,
            last_modified=control.clock.now(),
        )
        await control.resources.save(url)
    return _configuration(context, url)


async def delete_function_url_config(
    control: ControlPlane, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Take the URL away; a new one will have another address."""
    name = _name(context, request)
    async with control.changes.lock(name.key):
        await control.resources.delete(_find(control, name))
    return {}


def _name(context: RequestContext, request: dict[str, Any]) -> FunctionName:
    """The function or alias; versions have no URL."""
    name = names.resolve(context, request)
    if name.qualifier and names.is_version(name.qualifier):
        raise ClientError(
            "InvalidParameterValueException",
            "A function URL belongs to a function or to an alias of it, not to the version "
            f"{name.qualifier}. Please specify an unqualified function name or an alias.",
        )
    return name


def _find(control: ControlPlane, name: FunctionName) -> FunctionUrl:
    url = control.resources.find(FunctionUrl, *name.qualified_key)
    if url is None:
        raise ClientError("ResourceNotFoundException", "The resource you requested does not exist.")
    return url


def _configuration(context: RequestContext, url: FunctionUrl) -> dict[str, Any]:
    """A URL as AWS's FunctionUrlConfig; the port is that on which the client found the server."""
    port = urlsplit(context.endpoint_url).port
    host = f"{url.url_id}.lambda-url.{url.region}.localhost"
    return {
        "FunctionUrl": f"http://{host}:{port}/" if port else f"http://{host}/",
        "FunctionArn": url.function_arn,
        "AuthType": url.auth_type,
        "InvokeMode": url.invoke_mode,
        "CreationTime": timestamp(url.created),
        "LastModifiedTime": timestamp(url.last_modified),
        **({"Cors": url.cors} if url.cors is not None else {}),
    }


OPERATIONS = {
    "CreateFunctionUrlConfig": create_function_url_config,
    "DeleteFunctionUrlConfig": delete_function_url_config,
    "GetFunctionUrlConfig": get_function_url_config,
    "ListFunctionUrlConfigs": list_function_url_configs,
    "UpdateFunctionUrlConfig": update_function_url_config,
}

"""Function URLs: one for `$LATEST`, and one for each alias.

    http://<id>.lambda-url.<region>.localhost:<port>/

A name beneath `localhost` leads to this machine without any entry in a name server; scheme and port
are those by which the caller has reached the server.
"""

from __future__ import annotations

import re
import secrets
import string
from dataclasses import replace
from typing import Any

from lambdad.errors import ClientError
from lambdad.model.alias import Alias
from lambdad.model.caller import RequestContext
from lambdad.model.function import Function
from lambdad.model.function_url import BUFFERED, FunctionUrl
from lambdad.services.lambda_ import names
from lambdad.services.lambda_.configuration import timestamp
from lambdad.services.lambda_.control_plane import ControlPlane
from lambdad.services.lambda_.names import FunctionName
from lambdad.services.lambda_.paging import page

PAGE_SIZE = 50
ID_LENGTH = 32
_ID_CHARACTERS = string.ascii_lowercase + string.digits
_PORT = re.compile(r":[0-9]{1,5}\Z")


async def create_function_url_config(
    control: ControlPlane, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Give `$LATEST` or an alias a URL."""
    name = names.resolve(context, request)
    async with control.changes.lock(name.key):
        _check_existence(control, name)
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
            qualifier=name.qualifier,
            url_id="".join(secrets.choice(_ID_CHARACTERS) for _ in range(ID_LENGTH)),
            auth_type=request["AuthType"],
            created=now,
            last_modified=now,
            invoke_mode=request.get("InvokeMode", BUFFERED),
            cors=request.get("Cors", {}),
        )
        await control.resources.save(url)
    return _configuration(context, url)


async def get_function_url_config(
    control: ControlPlane, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """One URL."""
    return _configuration(context, _find(control, names.resolve(context, request)))


async def update_function_url_config(
    control: ControlPlane, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Change what the request names; an empty Cors removes it. The address stays."""
    name = names.resolve(context, request)
    async with control.changes.lock(name.key):
        url = _find(control, name)
        url = replace(
            url,
            auth_type=request.get("AuthType", url.auth_type),
            invoke_mode=request.get("InvokeMode", url.invoke_mode),
            cors=request.get("Cors", url.cors),
            last_modified=control.clock.now(),
        )
        await control.resources.save(url)
    return _configuration(context, url)


async def delete_function_url_config(
    control: ControlPlane, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Delete a URL; its address is never used again."""
    name = names.resolve(context, request)
    async with control.changes.lock(name.key):
        await control.resources.delete(_find(control, name))
    return {}


async def list_function_url_configs(
    control: ControlPlane, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """A page of a function's URLs: that of `$LATEST`, then those of its aliases by name."""
    name = names.resolve_unqualified(context, request)
    _check_existence(control, name)
    marker = request.get("Marker", "")
    urls = (url for url in control.resources.beneath(FunctionUrl, name.key) if url.key[2] > marker)
    found, following = page(urls, request, lambda url: url.key[2], largest=PAGE_SIZE)
    return {"FunctionUrlConfigs": [_configuration(context, url) for url in found], **following}


def _check_existence(control: ControlPlane, name: FunctionName) -> None:
    """The function is there, and the alias if one was named."""
    is_there = control.resources.find(Function, *name.key) and (
        name.qualifier is None or control.resources.find(Alias, *name.qualified_key)
    )
    if not is_there:
        raise ClientError("ResourceNotFoundException", "Function does not exist")


def _find(control: ControlPlane, name: FunctionName) -> FunctionUrl:
    url = control.resources.find(FunctionUrl, *name.qualified_key)
    if url is None:
        message = "The resource you requested does not exist."
        raise ClientError("ResourceNotFoundException", message)
    return url


def _configuration(context: RequestContext, url: FunctionUrl) -> dict[str, Any]:
    """A URL as AWS's FunctionUrlConfig."""
    return {
        "FunctionUrl": _address(context, url),
        "FunctionArn": url.arn,
        "AuthType": url.auth_type,
        **({"Cors": url.cors} if url.cors else {}),
        "CreationTime": timestamp(url.created),
        "LastModifiedTime": timestamp(url.last_modified),
        "InvokeMode": url.invoke_mode,
    }


def _address(context: RequestContext, url: FunctionUrl) -> str:
    """Where the URL is reached by whom has reached this server at `context.endpoint_url`."""
    scheme = context.endpoint_url.partition("://")[0]
    port = _PORT.search(context.endpoint_url)
    return f"{scheme}://{url.host}{port.group() if port else ''}/"


OPERATIONS = {
    "CreateFunctionUrlConfig": create_function_url_config,
    "DeleteFunctionUrlConfig": delete_function_url_config,
    "GetFunctionUrlConfig": get_function_url_config,
    "ListFunctionUrlConfigs": list_function_url_configs,
    "UpdateFunctionUrlConfig": update_function_url_config,
}

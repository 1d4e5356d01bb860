"""Access keys of users, and of the account itself when neither user nor caller is one.

The secret is told once, by CreateAccessKey.
"""

from __future__ import annotations

import secrets
from base64 import b64encode
from dataclasses import replace
from typing import Any

from lambdad.model.caller import RequestContext
from lambdad.model.iam.access_key import AccessKey
from lambdad.model.iam.access_key_id import (
    NUMBER_BITS,
    USER_PREFIX,
    account_of,
    make_access_key_id,
)
from lambdad.services.iam.errors import limit_exceeded, no_such_entity
from lambdad.services.iam.iam import Iam
from lambdad.services.iam.paging import page
from lambdad.services.iam.users import find_named_or_self, keys_of

MAX_KEYS = 2
_SECRET_SIZE = 30  # bytes: forty characters


async def create_access_key(
    iam: Iam, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Create a key, which may be used at once."""
    async with iam.lock:
        user = find_named_or_self(iam, context, request)
        if len(keys_of(iam, context, user)) >= MAX_KEYS:
            raise limit_exceeded("AccessKeysPerUser", MAX_KEYS)
        account_id = context.caller.account_id
        key = AccessKey(
            account_id=account_id,
            id=make_access_key_id(USER_PREFIX, account_id, secrets.randbits(NUMBER_BITS)),
            secret_access_key=b64encode(secrets.token_bytes(_SECRET_SIZE)).decode(),
            created=iam.now(),
            user_name=None if user is None else user.name,
        )
        await iam.resources.save(key)
    return {"AccessKey": {**_description(key), "SecretAccessKey": key.secret_access_key}}


async def list_access_keys(
    iam: Iam, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """A page of keys, without their secrets."""
    keys = keys_of(iam, context, find_named_or_self(iam, context, request))
    found, following = page(((key.id, key) for key in keys), request)
    return {"AccessKeyMetadata": [_description(key) for key in found], **following}


async def update_access_key(
    iam: Iam, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Make a key active, or inactive: then nobody gets in with it."""
    async with iam.lock:
        key = _find(iam, context, request)
        await iam.resources.save(replace(key, status=request["Status"]))
    return {}


async def delete_access_key(
    iam: Iam, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Delete a key for good."""
    async with iam.lock:
        await iam.resources.delete(_find(iam, context, request))
    return {}


async def get_access_key_last_used(
    iam: Iam, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Whose key it is; when it was used is not recorded."""
    key_id = request["AccessKeyId"]
    key = iam.resources.find(AccessKey, account_of(key_id) or "", "", key_id)
    if key is None or key.account_id != context.caller.account_id:
        raise _unknown(key_id)
    return {**_owner(key), "AccessKeyLastUsed": {"ServiceName": "N/A", "Region": "N/A"}}


def _find(iam: Iam, context: RequestContext, request: dict[str, Any]) -> AccessKey:
    user = find_named_or_self(iam, context, request)
    for key in keys_of(iam, context, user):
        if key.id == request["AccessKeyId"]:
            return key
    raise _unknown(request["AccessKeyId"])


def _unknown(key_id: str) -> Exception:
    return no_such_entity(f"The Access Key with id {key_id} cannot be found.")


def _owner(key: AccessKey) -> dict[str, Any]:
    return {} if key.user_name is None else {"UserName": key.user_name}


def _description(key: AccessKey) -> dict[str, Any]:
    return {
        **_owner(key),
        "AccessKeyId": key.id,
        "Status": key.status,
        "CreateDate": key.created,
    }


OPERATIONS = {
    "CreateAccessKey": create_access_key,
    "DeleteAccessKey": delete_access_key,
    "GetAccessKeyLastUsed": get_access_key_last_used,
    "ListAccessKeys": list_access_keys,
    "UpdateAccessKey": update_access_key,
}

"""Directories of the host in functions: file systems, and code that is mounted live.

Both are only what the operator lists, and the launcher, which mounts them, has those lists itself.
A function has no hand in it: whoever asks from an execution environment is refused, be it to mount
a directory or to change a function that has one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from lambdad.errors import ClientError, invalid_parameter
from lambdad.model.caller import RequestContext
from lambdad.model.function import Code, FunctionVersion
from lambdad.services.lambda_.control_plane import ControlPlane

HOT_RELOAD = "hot-reload"  # the bucket that is none
_NOTHING = hashlib.sha256().hexdigest()


def is_live(source: Mapping[str, Any]) -> bool:
    """Whether a Code, or an UpdateFunctionCode, asks for a directory instead of a package."""
    return source.get("S3Bucket") == HOT_RELOAD


async def keep_live_code(
    control: ControlPlane, context: RequestContext, source: Mapping[str, Any]
) -> Code:
    """The directory that S3Key names, as it really is; nothing of it is kept."""
    refuse_from_inside(context)
    for member in ("ZipFile", "S3ObjectVersion", "S3ObjectStorageMode", "SourceKMSKeyArn"):
        if source.get(member):
            raise invalid_parameter(f"Live code has no {member}: it is a directory and no object.")
    directory = source.get("S3Key", "")
    if not directory.startswith("/"):
        raise invalid_parameter(
            f"With the bucket {HOT_RELOAD}, the S3Key is the absolute path of a directory; "
            f"{directory or 'nothing'} is not."
        )
    if control.find_live_code is None:
        raise invalid_parameter(
            "This server has no live code: its setting hot_reload lists no directory."
        )
    return Code(_NOTHING, 0, directory=await control.find_live_code(directory))


def refuse_publishing(version: FunctionVersion) -> None:
    """A version never changes, and live code does."""
    if version.code.directory:
        raise invalid_parameter(
            f"Live code (the bucket {HOT_RELOAD}) cannot be published: a version never changes, "
            "and a directory does. Deploy a package to publish a version of it."
        )


def refuse_from_inside(context: RequestContext, *versions: FunctionVersion) -> None:
    """Refuse an environment's own request to have a directory of the host, or, where `versions` are
    named, to change one of them that has one."""
    if context.caller.environment_id is None:
        return
    if versions and not any(each.code.directory or each.file_system for each in versions):
        return
    raise ClientError(
        "AccessDeniedException",
        "A function must not mount directories of the host, nor change a function that has one.",
    )


def checked_file_systems(
    control: ControlPlane, context: RequestContext, request: Mapping[str, Any]
) -> None:
    """Refuse FileSystemConfigs that this server, or the caller, cannot have."""
    for config in request.get("FileSystemConfigs") or ():
        refuse_from_inside(context)
        arn, path = config["Arn"], config["LocalMountPath"]
        if not control.can_mount:
            raise invalid_parameter(
                "FileSystemConfigs cannot be had in the process sandbox, which mounts nothing. Run "
                "the server with --sandbox namespaces."
            )
        if arn not in control.file_systems:
            raise invalid_parameter(
                f"The access point {arn} is no directory of this machine: the server's setting "
                "file_systems (ARN=DIRECTORY) does not name it."
            )
        if arn.split(":")[3:5] != [context.caller.region, context.caller.account_id]:
            raise invalid_parameter(
                f"The access point {arn} must be in the function's own region and account, "
                f"{context.caller.region} and {context.caller.account_id}."
            )
        if path.removeprefix("/mnt/") in (".", ".."):
            raise invalid_parameter(
                f"The LocalMountPath {path} names no directory of its own below /mnt."
            )
        if "S3FilesConfig" in config and ":s3files:" not in arn:
            raise invalid_parameter(
                f"S3FilesConfig is for access points of S3 Files; {arn} is none."
            )

"""Code from S3, as Lambda tells of it."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import replace
from typing import Any

import pytest

from lambdad.errors import ClientError, PlatformError
from lambdad.model.caller import Caller, RequestContext
from lambdad.services.lambda_ import code_sources, operations
from lambdad.services.lambda_.code_sources import keep_code
from support.control_plane import creation, make_zip, refused

Plane = Any
INVALID = "InvalidParameterValueException"
PACKAGE = make_zip({"app.py": "def handler(event, context): return 'from S3'"})
OBJECT = {"S3Bucket": "code", "S3Key": "app.zip"}


def context(**caller: Any) -> RequestContext:
    caller_ = Caller("123456789012", "eu-central-1", **caller)
    return RequestContext("r-1", "lambda", "CreateFunction", caller_, "http://127.0.0.1")


async def test_a_function_is_made_of_an_object(plane: Plane) -> None:
    # Given
    plane.objects.contents["code", "app.zip", None] = PACKAGE
    # When
    await plane.create(Code=OBJECT)
    # Then
    found = await plane("GetFunction", FunctionName="echo")
    digest = hashlib.sha256(PACKAGE)
    assert found["Configuration"]["CodeSize"] == len(PACKAGE)
    assert found["Configuration"]["CodeSha256"] == base64.b64encode(digest.digest()).decode()
    assert found["Code"].keys() == {"RepositoryType", "Location"}
    assert await plane.control.blobs.read(digest.hexdigest()) == PACKAGE


async def test_code_is_updated_from_a_version_of_an_object(plane: Plane) -> None:
    plane.objects.contents["code", "app.zip", "v7"] = PACKAGE
    await plane.create()
    key = "arn:aws:kms:eu-central-1:123456789012:key/1"
    await plane(
        "UpdateFunctionCode",
        **OBJECT,
        FunctionName="echo",
        S3ObjectVersion="v7",
        S3ObjectStorageMode="REFERENCE",
        SourceKMSKeyArn=key,
    )
    await plane.control.changes.settle()
    code = (await plane("GetFunction", FunctionName="echo"))["Code"]
    assert code["ResolvedS3Object"] == {**OBJECT, "S3ObjectVersion": "v7"}
    assert code["SourceKMSKeyArn"] == key


async def test_a_dry_run_reads_the_object_and_changes_nothing(plane: Plane) -> None:
    await plane.create()
    before = await plane("GetFunctionConfiguration", FunctionName="echo")
    dry_run = {**OBJECT, "FunctionName": "echo", "DryRun": True}

    await refused(plane("UpdateFunctionCode", **dry_run), INVALID)
    plane.objects.contents["code", "app.zip", None] = PACKAGE
    told = await plane("UpdateFunctionCode", **dry_run)

    assert told["CodeSize"] == len(PACKAGE)
    assert await plane("GetFunctionConfiguration", FunctionName="echo") == before


@pytest.mark.parametrize(
    ("failure", "code", "message"),
    [
        (
            ClientError("NoSuchKey", "The specified key does not exist."),
            INVALID,
            "Error occurred while GetObject. S3 Error Code: NoSuchKey. S3 Error Message: The "
            "specified key does not exist.",
        ),
        (
            ClientError("AccessDenied", "Access Denied"),
            INVALID,
            "Error occurred while GetObject. S3 Error Code: AccessDenied. S3 Error Message: Access "
            "Denied",
        ),
        (
            PlatformError("The S3 endpoint gave no answer: it is down"),
            "ServiceException",
            "Error occurred while GetObject. The S3 endpoint gave no answer: it is down",
        ),
    ],
)
async def test_what_s3_says_is_told(
    plane: Plane, failure: Exception, code: str, message: str
) -> None:
    plane.objects.failure = failure
    await refused(plane.create(Code=OBJECT), code, message)


async def test_an_object_that_is_no_package_is_refused_and_not_kept(plane: Plane) -> None:
    plane.objects.contents["code", "app.zip", None] = b"no zip" * 100
    await refused(
        plane.create(Code=OBJECT),
        INVALID,
        "Could not unzip uploaded file. Please check your file, then try to upload again.",
    )
    plane.objects.contents["code", "app.zip", None] = b""
    await refused(plane.create(Code=OBJECT), INVALID, "Uploaded file must be a non-empty zip")
    assert await plane.control.blobs.digests() == []


async def test_an_object_that_is_too_large_is_not_read_to_its_end(
    plane: Plane, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(code_sources, "CODE_UNZIPPED", 150)
    plane.objects.contents["code", "app.zip", None] = b"x" * 1000
    error = await refused(plane.create(Code=OBJECT), INVALID)
    assert error.message.startswith("Unzipped size must be smaller than")


async def test_a_zip_that_is_too_large_for_a_request_is_refused(
    plane: Plane, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(code_sources, "CODE_ZIPPED", len(PACKAGE) - 1)
    error = await refused(plane.create(Code={"ZipFile": PACKAGE}), INVALID)
    assert error.message.startswith("Zipped size must be smaller than")
    plane.objects.contents["code", "app.zip", None] = PACKAGE
    await plane.create(Code=OBJECT)


@pytest.mark.parametrize(
    "source", [{}, {"S3Bucket": "code"}, {"S3Key": "app.zip"}, {"S3ObjectVersion": "1"}]
)
async def test_half_a_source_is_refused(plane: Plane, source: dict[str, str]) -> None:
    error = await refused(keep_code(plane.control, source), INVALID)
    assert error.message.startswith("Please provide a source for function code.")


async def test_without_an_endpoint_the_setting_is_named(plane: Plane) -> None:
    control = replace(plane.control, objects=None)
    error = await refused(keep_code(control, OBJECT), INVALID)
    assert "s3_endpoint" in error.message


async def test_functions_cannot_borrow_the_servers_credentials(plane: Plane) -> None:
    plane.objects.contents["code", "app.zip", None] = PACKAGE
    create = operations(plane.control)["lambda", "CreateFunction"]
    inside = context(environment_id="e-1")
    await refused(create(inside, creation(Code=OBJECT)), "AccessDeniedException")
    await create(inside, creation(Code={"ZipFile": PACKAGE}))
    await plane.control.changes.settle()

"""The client of an S3 endpoint, against a little one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lambdad.client.object_store import ObjectStore
from lambdad.errors import ClientError, PlatformError
from support.object_store import LittleS3, little_s3
from support.operator_variables import set_operator_variables

pytestmark = pytest.mark.slow

NOBODY = "http://127.0.0.1:1"


@pytest.fixture
def s3() -> Iterator[LittleS3]:
    with little_s3() as store:
        yield store


@pytest.fixture(autouse=True)
def operator(monkeypatch: pytest.MonkeyPatch) -> None:
    set_operator_variables(monkeypatch)


@pytest.fixture
def store(s3: LittleS3) -> Iterator[ObjectStore]:
    store = ObjectStore(s3.url)
    yield store
    store.close()


async def read(store: ObjectStore, bucket: str, key: str, version: str | None = None) -> bytes:
    return b"".join([chunk async for chunk in store.get(bucket, key, version)])


async def test_an_object_arrives_whole_and_the_request_is_signed(
    s3: LittleS3, store: ObjectStore
) -> None:
    content = bytes(range(256)) * 10_000
    s3.put("code", "dir/ä b+c.zip", content)
    assert await read(store, "code", "dir/ä b+c.zip") == content
    assert s3.authorizations[-1].startswith("AWS4-HMAC-SHA256 Credential=AKIAOPERATOR/")
    assert "/us-east-1/s3/" in s3.authorizations[-1]


async def test_a_version_is_asked_for(s3: LittleS3, store: ObjectStore) -> None:
    s3.put("code", "app.zip", b"new")
    s3.put("code", "app.zip", b"old", version="v1")
    assert await read(store, "code", "app.zip", "v1") == b"old"
    assert await read(store, "code", "app.zip") == b"new"


async def test_without_credentials_nothing_is_signed(
    s3: LittleS3, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    s3.put("code", "app.zip", b"x")
    assert await read(ObjectStore(s3.url), "code", "app.zip") == b"x"
    assert s3.authorizations == [""]


@pytest.mark.parametrize(
    ("bucket", "key", "version", "code", "message"),
    [
        ("code", "none", None, "NoSuchKey", "The specified key does not exist."),
        ("code", "app.zip", "v9", "NoSuchVersion", "The specified version does not exist."),
        ("none", "app.zip", None, "NoSuchBucket", "The specified bucket does not exist"),
    ],
)
async def test_what_s3_refuses_is_the_callers_error(
    s3: LittleS3,
    store: ObjectStore,
    bucket: str,
    key: str,
    version: str | None,
    code: str,
    message: str,
) -> None:
    s3.put("code", "app.zip", b"x")
    with pytest.raises(ClientError) as caught:
        await read(store, bucket, key, version)
    assert (caught.value.code, caught.value.message) == (code, message)


async def test_what_s3_forbids_is_the_callers_error(s3: LittleS3, store: ObjectStore) -> None:
    s3.failure = "AccessDenied"
    with pytest.raises(ClientError, match="Access Denied"):
        await read(store, "code", "app.zip")


async def test_a_store_that_fails_is_nobodys_fault_but_ours(
    s3: LittleS3, store: ObjectStore
) -> None:
    s3.failure = "InternalError"
    with pytest.raises(PlatformError, match="InternalError"):
        await read(store, "code", "app.zip")


async def test_a_body_that_breaks_off_is_not_an_object(s3: LittleS3, store: ObjectStore) -> None:
    s3.put("code", "app.zip", b"x" * 1000)
    s3.cut_after = 100
    with pytest.raises(PlatformError):
        await read(store, "code", "app.zip")


async def test_an_endpoint_that_nobody_serves_is_told() -> None:
    with pytest.raises(PlatformError, match="gave no answer"):
        await read(ObjectStore(NOBODY), "code", "app.zip")


async def test_a_name_that_cannot_be_a_bucket_is_refused(store: ObjectStore) -> None:
    with pytest.raises((ClientError, PlatformError)):
        await read(store, "a/b", "app.zip")

"""The secrets with which signatures are verified."""

from __future__ import annotations

import pytest

from lambdad.errors import ClientError
from lambdad.model.signing_key import SigningKey
from lambdad.services.sts.signing_keys import find_signing_key
from support.identity import Identity


async def test_a_users_key_has_its_secret_as_long_as_it_is_active(iam: Identity) -> None:
    # Given
    await iam("CreateUser", UserName="ann")
    key = (await iam("CreateAccessKey", UserName="ann"))["AccessKey"]
    # When
    found = find_signing_key(iam.sessions, key["AccessKeyId"])
    # Then
    assert found == SigningKey(key["SecretAccessKey"])
    assert key["SecretAccessKey"] not in repr(found)
    # When
    await iam("UpdateAccessKey", UserName="ann", AccessKeyId=key["AccessKeyId"], Status="Inactive")
    # Then
    with pytest.raises(ClientError, match="UnrecognizedClientException"):
        find_signing_key(iam.sessions, key["AccessKeyId"])


async def test_a_session_has_its_secret_and_token_until_it_expires(iam: Identity) -> None:
    # Given
    given = (await iam("GetSessionToken", DurationSeconds=900))["Credentials"]
    # When
    found = find_signing_key(iam.sessions, given["AccessKeyId"])
    # Then
    assert found == SigningKey(given["SecretAccessKey"], given["SessionToken"])
    assert given["SessionToken"] not in repr(found)
    # When
    iam.clock.advance(900)
    # Then
    with pytest.raises(ClientError, match="ExpiredTokenException"):
        find_signing_key(iam.sessions, given["AccessKeyId"])


@pytest.mark.parametrize("key", ["test", "000000000000", "123456789012"])
async def test_an_account_has_the_secret_of_the_documents(iam: Identity, key: str) -> None:
    assert find_signing_key(iam.sessions, key) == SigningKey("test", takes_any_token=True)


@pytest.mark.parametrize(
    "key", ["", "Test", "test\n", "12345678901", "²23456789012", "AKIAIOSFODNN7EXAMPLE"]
)
async def test_every_other_key_is_nobodys(iam: Identity, key: str) -> None:
    assert find_signing_key(iam.sessions, key) is None

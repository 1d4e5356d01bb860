"""Who asks."""

from __future__ import annotations

import pytest

from lambdad.errors import ClientError
from lambdad.gateway import auth
from lambdad.gateway.auth import Signature, find_caller, read_signature
from lambdad.gateway.body import Body
from lambdad.gateway.http import Request
from lambdad.model.caller import Caller

ENVIRONMENT = Caller("111111111111", "eu-central-1", "ASIAENV", environment_id="e", role="r")


def request(query: bytes = b"", **headers: bytes) -> Request:
    fields = {name.encode(): value for name, value in headers.items()}
    return Request("GET", b"/?" + query, fields, Body())


def test_the_authorization_header_names_key_region_and_service() -> None:
    value = b"AWS4-HMAC-SHA256 Credential=AK/ID/20260101/eu-west-1/lambda/aws4_request,"
    value += b"SignedHeaders=host,Signature=00"
    assert read_signature(request(authorization=value)) == Signature("AK/ID", "eu-west-1", "lambda")


def test_a_presigned_url_names_them_too() -> None:
    query = (
        b"X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=00&X-Amz-SignedHeaders=host"
        b"&X-Amz-Credential=AKID%2F20260101%2Feu-west-1%2Fsts%2Faws4_request"
    )
    assert read_signature(request(query)) == Signature("AKID", "eu-west-1", "sts")


def test_an_unsigned_request_has_no_signature() -> None:
    assert read_signature(request(b"a=b")) is None


def test_half_a_presigned_url_is_refused() -> None:
    with pytest.raises(ClientError, match="IncompleteSignatureException"):
        read_signature(request(b"X-Amz-Credential=a%2Fb%2Fc%2Fd%2Faws4_request"))


def signed(credential: str, way: str) -> Request:
    if way == "header":
        value = f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature=00"
        return request(authorization=value.encode())
    fields = "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=00&X-Amz-SignedHeaders=host"
    return request(f"{fields}&X-Amz-Credential={credential}".encode())


@pytest.mark.parametrize("way", ["header", "query"])
def test_a_credential_of_more_than_512_characters_is_neither_read_nor_remembered(way: str) -> None:
    """A thousand are remembered, and anybody may send them."""
    # Given
    scope = "/20260101/eu-west-1/lambda/aws4_request"
    longest = "K" * (512 - len(scope))
    signature = read_signature(signed(longest + scope, way))
    assert signature == Signature(longest, "eu-west-1", "lambda")
    remembered = auth._read_credential.cache_info().currsize
    # When
    with pytest.raises(ClientError) as caught:
        read_signature(signed(longest + "K" + scope, way))
    # Then
    assert caught.value.code == "IncompleteSignatureException"
    assert caught.value.message == "Credential must not be longer than 512 characters."
    assert auth._read_credential.cache_info().currsize == remembered


@pytest.mark.parametrize(
    ("key", "account_id"),
    [
        ("123456789012", "123456789012"),
        ("test", "000000000000"),
        ("12345678901", "000000000000"),
        ("²23456789012", "000000000000"),
    ],
)
def test_a_key_of_twelve_digits_names_its_account(key: str, account_id: str) -> None:
    caller = find_caller(Signature(key, "eu-west-1", "lambda"), None, "us-east-1")
    assert caller == Caller(account_id, "eu-west-1", key)


def test_nobody_is_the_default_account_in_the_default_region() -> None:
    assert find_caller(None, None, "us-west-2") == Caller("000000000000", "us-west-2")


@pytest.mark.parametrize("signature", [None, Signature("ASIAENV", "us-east-1", "lambda")])
def test_an_environments_listener_decides_who_asks(signature: Signature | None) -> None:
    assert find_caller(signature, ENVIRONMENT, "us-east-1") is ENVIRONMENT


def test_an_environment_cannot_sign_as_somebody_else() -> None:
    with pytest.raises(ClientError) as caught:
        find_caller(Signature("123456789012", "us-east-1", "lambda"), ENVIRONMENT, "us-east-1")
    assert caught.value.code == "UnrecognizedClientException"
    assert caught.value.message == "The security token included in the request is invalid."


def test_whose_a_key_is_is_asked_each_time() -> None:
    # Given keys that change hands
    owners = {"AKIA1": Caller("111111111111", "eu-west-1", "AKIA1", user="ann")}
    asked: list[tuple[str, str]] = []

    def identify(key: str, region: str) -> Caller | None:
        asked.append((key, region))
        return owners.get(key)

    signature = Signature("AKIA1", "eu-west-1", "lambda")
    # Then the owner signs
    assert find_caller(signature, None, "us-east-1", identify) is owners["AKIA1"]
    # And when nobody has the key any more, nobody is remembered
    owners.clear()
    assert find_caller(signature, None, "us-east-1", identify).account_id == "000000000000"
    assert asked == [("AKIA1", "eu-west-1")] * 2


def test_on_an_environments_listener_nobody_is_looked_up() -> None:
    def identify(key: str, region: str) -> Caller | None:
        raise AssertionError

    signature = Signature("ASIAENV", "us-east-1", "lambda")
    assert find_caller(signature, ENVIRONMENT, "us-east-1", identify) is ENVIRONMENT

"""Signatures, verified against those of botocore."""

from __future__ import annotations

import re
import time
from calendar import timegm
from dataclasses import replace
from email.utils import formatdate
from typing import Any
from urllib.parse import quote

import pytest

from lambdad.errors import ClientError
from lambdad.gateway.sigv4 import verify
from lambdad.model.signing_key import SigningKey
from support.sigv4 import Arriving, sign

KEYS = {
    "AKIA1": SigningKey("secret"),
    "ASIA1": SigningKey("secret", "token"),
    "open": SigningKey("secret", takes_any_token=True),
}
MISMATCH = "The request signature we calculated does not match the signature you provided."
INVALID_TOKEN = "The security token included in the request is invalid."


def signed_at(arriving: Arriving) -> int:
    text = arriving.headers.get("x-amz-date") or arriving.target
    found = re.search("[0-9]{8}T[0-9]{6}Z", text)
    assert found is not None
    return timegm(time.strptime(found[0], "%Y%m%dT%H%M%SZ"))


def verified(arriving: Arriving, *, later: float = 0, at: float | None = None) -> str:
    now = signed_at(arriving) + later if at is None else at
    return verify(arriving.request, find_key=KEYS.get, region="eu-west-1", now=now)


def refused(arriving: Arriving, code: str, message: str, *, later: float = 0) -> None:
    with pytest.raises(ClientError) as caught:
        verified(arriving, later=later)
    assert caught.value.code == code
    assert message in caught.value.message


def edited(arriving: Arriving, old: str, new: str) -> Arriving:
    """The request with something else in its target and Authorization header."""
    headers = {name: value.replace(old, new) for name, value in arriving.headers.items()}
    return replace(arriving, target=arriving.target.replace(old, new), headers=headers)


REQUESTS: list[dict[str, Any]] = [
    {},
    {"path": ""},
    {"path": "/a/b/"},
    {"path": "/a%20b/%E2%82%AC/~x;y=z,(1)"},
    {"path": "/a//b/"},
    {"params": {"b": "2", "a": "x y+z/ä€~", "": "", "A": "&=%"}},
    {"path": "/?b=2&a=1&a=0&c&d=%20%2F"},
    {"method": "POST", "body": b"\0\xff" * 1000, "headers": {"content-type": "image/png"}},
    {"headers": {"x-amz-meta": "  a   b  ", "x-other": "a,b", "user-agent": "x"}},
    {"method": "DELETE", "key": "ASIA1", "token": "token"},
]


@pytest.mark.parametrize("members", REQUESTS)
def test_what_botocore_signs_is_accepted(members: dict[str, Any]) -> None:
    assert verified(sign(**members)) == members.get("key", "AKIA1")


@pytest.mark.parametrize("path", ["/a/../b", "/a/./b", "/..", "/a/.."])
def test_a_path_that_would_be_another_one_is_refused(path: str) -> None:
    refused(sign(path=path), "InvalidSignatureException", "must not have")


def test_a_second_signature_in_the_query_is_refused() -> None:
    presigned = sign(expires=60)
    more = replace(presigned, target=f"{presigned.target}&X-Amz-Signature=1")
    refused(more, "IncompleteSignatureException", "one 'X-Amz-Signature'")


def test_the_open_keys_take_any_token() -> None:
    assert verified(sign(key="open", token="any")) == "open"


# Without the one with a body: botocore moves it into the query.
@pytest.mark.parametrize("members", [each for each in REQUESTS if "body" not in each])
def test_what_botocore_presigns_is_accepted(members: dict[str, Any]) -> None:
    assert verified(sign(**members, expires=60)) == members.get("key", "AKIA1")


def test_a_hash_of_the_body_may_be_sent_unsigned() -> None:
    """As awscurl does."""
    digest = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert verified(sign().with_(x_amz_content_sha256=digest)) == "AKIA1"
    assert verified(sign(headers={"x-amz-content-sha256": digest})) == "AKIA1"


def test_what_is_not_signed_may_change() -> None:
    assert verified(sign().with_(user_agent="x", x_amzn_trace_id="Root=1", x_new="y")) == "AKIA1"


def test_date_may_stand_for_the_date_of_aws() -> None:
    signed = sign(headers={"date": "any"})
    assert "x-amz-date" not in signed.headers
    assert verified(signed, at=time.time()) == "AKIA1"


def test_a_date_of_http_that_cannot_be_is_refused() -> None:
    signed = sign(headers={"date": "any"}).with_(date="Mon, 31 Feb 2026 10:00:00 GMT")
    with pytest.raises(ClientError, match="IncompleteSignatureException: Date must be in ISO-8601"):
        verified(signed, at=time.time())


def test_who_does_not_sign_is_refused() -> None:
    refused(
        sign().with_(authorization=None),
        "MissingAuthenticationTokenException",
        "Missing Authentication Token",
    )
    refused(
        sign().with_(authorization="Basic YTpi"),
        "MissingAuthenticationTokenException",
        "Missing Authentication Token",
    )


@pytest.mark.parametrize("expires", [None, 60])
@pytest.mark.parametrize(
    ("key", "token"),
    [("AKIA2", None), ("AKIA1", "token"), ("ASIA1", None), ("ASIA1", "tokem"), ("ASIA1", "")],
)
def test_a_key_that_is_nobodys_or_has_another_token_is_refused(
    key: str, token: str | None, expires: int | None
) -> None:
    signed = sign(key=key, token=token, expires=expires)
    refused(signed, "UnrecognizedClientException", INVALID_TOKEN)


@pytest.mark.parametrize(
    "signed",
    [
        sign(secret="another"),
        edited(sign(), "Signature=", "Signature=0"),
        replace(sign("GET"), method="POST"),
        replace(sign(path="/a"), target="/b"),
        replace(sign(path="/a"), target="/a/"),
        replace(sign(path="/a%2Fb"), target="/a/b"),
        replace(sign(), target="/?a"),
        replace(sign(params={"a": "1", "b": "2"}), target="/?a=2&b=1"),
        replace(sign(body=b"a"), body=b"b"),
        replace(sign(body=b"a"), body=b""),
        sign(headers={"x-a": "1"}).with_(x_a="2"),
        sign(headers={"x-a": "1"}).with_(x_a=None),
        sign().with_(host="another.localhost"),
        edited(sign(expires=60), "Expires=60", "Expires=61"),
        edited(sign(expires=60), "X-Amz-Signature=", "X-Amz-Signature=%C3%A9"),
        replace(sign(expires=60), body=b"a"),
        edited(sign(expires=60), "?", "?a=1&"),
    ],
)
def test_what_is_not_as_it_was_signed_is_refused(signed: Arriving) -> None:
    refused(signed, "InvalidSignatureException", MISMATCH)


@pytest.mark.parametrize(
    "payload_hash", ["UNSIGNED-PAYLOAD", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "", "0" * 64]
)
def test_a_body_whose_hash_is_not_signed_is_refused(payload_hash: str) -> None:
    signed = sign("POST", body=b"a", headers={"x-amz-content-sha256": payload_hash})
    refused(signed, "InvalidSignatureException", MISMATCH)


def test_host_and_what_speaks_to_aws_must_be_signed() -> None:
    message = "must be a 'SignedHeader' in the AWS Authorization."
    refused(sign().with_(x_amz_new="x"), "InvalidSignatureException", f"'x-amz-new' {message}")
    signed = edited(sign(), "SignedHeaders=host;", "SignedHeaders=")
    refused(signed, "InvalidSignatureException", f"'Host' {message}")
    presigned = sign(expires=60).with_(x_amz_security_token="token")
    refused(presigned, "InvalidSignatureException", f"'x-amz-security-token' {message}")


def test_signed_headers_are_names_of_headers() -> None:
    presigned = edited(sign(expires=60), "SignedHeaders=host", "SignedHeaders=host%0Ax%3Ay%3Bhost")
    refused(presigned, "InvalidSignatureException", "SignedHeaders must be names of headers")


def test_the_scope_is_this_service_in_this_region() -> None:
    refused(
        sign(region="us-east-1"),
        "InvalidSignatureException",
        "Credential should be scoped to a valid region, not 'us-east-1'.",
    )
    refused(
        sign(service="execute-api"),
        "InvalidSignatureException",
        "Credential should be scoped to correct service: 'lambda'.",
    )


def test_the_scope_is_of_the_day() -> None:
    today = time.strftime("%Y%m%d", time.gmtime(signed_at(sign())))
    signed = edited(sign(), f"/{today}/", "/20200101/")
    refused(
        signed,
        "InvalidSignatureException",
        f"Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from "
        f"HTTP: '20200101' != '{today}', from '{signed.headers['x-amz-date']}'.",
    )


def test_a_signature_lives_for_a_quarter_of_an_hour() -> None:
    signed = sign()
    assert verified(signed, later=15 * 60) == "AKIA1"
    assert verified(signed, later=-15 * 60) == "AKIA1"
    refused(signed, "InvalidSignatureException", "Signature expired: ", later=15 * 60 + 1)
    refused(
        signed, "InvalidSignatureException", "Signature not yet current: ", later=-(15 * 60 + 1)
    )


def test_a_presigned_url_lives_as_long_as_it_says() -> None:
    signed = sign(expires=604_800)
    assert verified(signed, later=604_800) == "AKIA1"
    refused(signed, "InvalidSignatureException", "Signature expired: ", later=604_801)
    refused(
        signed, "InvalidSignatureException", "Signature not yet current: ", later=-(15 * 60 + 1)
    )


@pytest.mark.parametrize("expires", [0, -1, 604_801, 10**40])
def test_a_presigned_url_lives_for_a_week_at_most(expires: int) -> None:
    message = "X-Amz-Expires must be between 1 and 604800 seconds."
    refused(sign(expires=expires), "IncompleteSignatureException", message)


def test_a_presigned_url_that_does_not_say_how_long_lives_as_a_header_does() -> None:
    signed = edited(sign(expires=60), "X-Amz-Expires=60&", "")
    refused(signed, "InvalidSignatureException", MISMATCH, later=15 * 60)
    refused(signed, "InvalidSignatureException", "Signature expired: ", later=15 * 60 + 1)


@pytest.mark.parametrize("date", ["20260101", "20261301T000000Z", "²0260101T000000Z", "", "a,b"])
def test_a_date_is_a_date(date: str) -> None:
    presigned = sign(expires=60)
    presigned = replace(
        presigned, target=re.sub("Date=[^&]*", f"Date={quote(date)}", presigned.target)
    )
    for signed in (sign().with_(x_amz_date=date), presigned):
        with pytest.raises(ClientError, match="IncompleteSignatureException"):
            verified(signed, at=time.time())


def test_a_signature_without_a_date_is_refused() -> None:
    with pytest.raises(ClientError, match="either a 'X-Amz-Date' or a 'Date' header"):
        verified(sign().with_(x_amz_date=None), at=time.time())
    presigned = sign(expires=60)
    presigned = replace(presigned, target=re.sub("&X-Amz-Date=[^&]*", "", presigned.target))
    with pytest.raises(ClientError, match="must include 'X-Amz-Date'"):
        verified(presigned, at=time.time())


def test_another_algorithm_is_refused() -> None:
    for signed in (sign(), sign(expires=60)):
        other = edited(signed, "AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256")
        message = "Unsupported AWS 'algorithm': 'AWS4-ECDSA-P256-SHA256'."
        refused(other, "IncompleteSignatureException", message)


def test_the_date_of_http_is_covered_too() -> None:
    signed = sign(headers={"date": "any"})
    later = formatdate(int(time.time()) + 60)
    with pytest.raises(ClientError, match=MISMATCH):
        verified(signed.with_(date=later), at=time.time())

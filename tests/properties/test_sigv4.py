"""Whatever botocore signs verifies, and nothing else does."""

from __future__ import annotations

import re
import string
import time
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from lambdad.errors import ClientError
from lambdad.gateway.sigv4 import verify
from lambdad.model.signing_key import SigningKey
from support.sigv4 import Arriving, sign

pytestmark = pytest.mark.slow

KEYS = {"AKIA1": SigningKey("secret"), "ASIA1": SigningKey("secret", "token")}

printable = st.text(string.ascii_letters + string.digits + " -._~/+%&=,;:@", max_size=12)
segments = st.text(string.ascii_letters + string.digits + "-._~:@!$&'()*+,;=", max_size=6)
paths = st.lists(
    segments.filter(lambda segment: segment not in (".", ".."))
    | st.just("%2F")
    | st.just("%E2%82%AC"),
    max_size=4,
).map(lambda parts: "/" + "/".join(parts))
names = st.text(string.ascii_lowercase + string.digits + "-", min_size=1, max_size=10)
requests = st.fixed_dictionaries(
    {
        "method": st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]),
        "path": paths,
        "params": st.dictionaries(printable | st.text(max_size=5), printable, max_size=4),
        "headers": st.dictionaries(names.map(lambda name: f"x-{name}"), printable, max_size=3),
        "expires": st.sampled_from([None, 1, 604_800]),
    }
)
credentials = st.sampled_from([{}, {"key": "ASIA1", "token": "token"}])


@st.composite
def signed_requests(draw: st.DrawFn) -> Arriving:
    members: dict[str, Any] = draw(requests)
    if members["expires"] is None:  # botocore moves a body into a presigned query
        members["body"] = draw(st.binary(max_size=20))
    assume("x-amz-content-sha256" not in members["headers"])
    return sign(**members, **draw(credentials))


def verified(arriving: Arriving) -> str:
    return verify(arriving.request, find_key=KEYS.get, region="eu-west-1", now=time.time())


def canonical(arriving: Arriving) -> tuple[list[str], list[tuple[str, str]]]:
    """Path and query, told apart as far as AWS does."""
    request = arriving.request
    parts = [part for part in request.raw_path.split("/") if part]
    end = [""] if parts and request.raw_path.endswith("/") else []
    fields = [(name, value) for name, values in request.query.items() for value in values]
    return parts + end, sorted(fields)


@given(signed_requests())
def test_whatever_botocore_signs_verifies(arriving: Arriving) -> None:
    assert verified(arriving) in KEYS


@given(signed_requests(), st.data())
def test_whatever_is_changed_does_not(arriving: Arriving, data: st.DataObject) -> None:
    # Given
    part = data.draw(st.sampled_from(["method", "path", "query", "header", "body"]))
    path, _, query = arriving.target.partition("?")
    # When
    if part == "method":
        changed = replace(arriving, method="TRACE")
    elif part == "path":
        changed = replace(arriving, target=f"{data.draw(paths)}?{query}")
    elif part == "query":
        more = f"{data.draw(names)}={data.draw(names)}"
        changed = replace(arriving, target=f"{path}?{query}{'&' if query else ''}{more}")
    elif part == "header":
        name = data.draw(st.sampled_from(sorted({*arriving.headers} - {"content-length"})))
        changed = replace(arriving, headers={**arriving.headers, name: data.draw(printable)})
    else:
        changed = replace(arriving, body=arriving.body + b"x")
    # Then
    if part in ("path", "query"):
        assume(canonical(changed) != canonical(arriving))
    if part == "header":
        assume([*changed.headers[name].split()] != [*arriving.headers[name].split()])
        signed = f"{arriving.headers.get('authorization')}{arriving.target}"
        assume(name == "authorization" or re.search(rf"\b{re.escape(name)}\b", signed))
    with pytest.raises(ClientError):
        verified(changed)


@given(
    st.dictionaries(
        st.sampled_from(["authorization", "x-amz-date", "date", "x-amz-security-token", "host"]),
        st.text(max_size=30)
        | st.just(
            "AWS4-HMAC-SHA256 Credential=AKIA1/20260101/eu-west-1/lambda"
            "/aws4_request, SignedHeaders=host, Signature=0"
        )
        | st.just("20260101T000000Z"),
    ),
    st.lists(
        st.sampled_from(
            [
                *("X-Amz-Algorithm=AWS4-HMAC-SHA256", "X-Amz-Signature=%00", "X-Amz-Expires=1"),
                "X-Amz-Credential=AKIA1%2F20260101%2Feu-west-1%2Flambda%2Faws4_request",
                *("X-Amz-SignedHeaders=host", "X-Amz-SignedHeaders=%0A", "X-Amz-Date=x"),
                *("X-Amz-Date=20260101T000000Z", "X-Amz-Date=20260101T0000%C3%A9", "%FF=%zz"),
            ]
        )
    ),
)
def test_whatever_comes_is_refused_as_a_clients_mistake(
    headers: dict[str, str], fields: list[str]
) -> None:
    request = Arriving("GET", f"/?{'&'.join(fields)}", headers).request
    with pytest.raises(ClientError):
        verify(request, find_key=KEYS.get, region="eu-west-1", now=1767225600)

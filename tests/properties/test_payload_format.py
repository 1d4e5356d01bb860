"""Payload format 2.0: every request becomes an event; what is returned, a response or nothing."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdad.model.url_event import event_of
from lambdad.model.url_response import BadResponse, PreludeReader, response_of
from lambdad.model.web_request import WebRequest, WebResponse

pytestmark = pytest.mark.slow

DELIMITER = b"\0" * 8
NAME = re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]+")

anything = st.text(st.characters(), max_size=20)  # halves of surrogate pairs too
header_names = (
    st.sampled_from(["cookie", "content-type", "content-encoding", "user-agent", "x-amzn-trace-id"])
    | anything
)
web_requests = st.builds(
    WebRequest,
    method=anything,
    raw_path=anything,
    raw_query=anything | st.text("a=&%C3+;", max_size=12),
    headers=st.dictionaries(header_names, anything | st.just("text/plain; charset=x"), max_size=4),
    body=st.binary(max_size=20) | anything.map(lambda text: text.encode("utf-8", "replace")),
    host=anything,
    source_ip=anything,
)

words = st.sampled_from(["a", "Set-Cookie", "content-type", "Connection", "x y", "x\r\ny", "200"])
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | words | anything,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(words | anything, inner, max_size=3)
    ),
    max_leaves=8,
)
heads = st.fixed_dictionaries(
    {},
    optional={
        "statusCode": st.integers(90, 610) | st.sampled_from(["200", "٢٠٠"]) | values,
        "headers": st.dictionaries(words | anything, words | values, max_size=3) | values,
        "cookies": st.lists(words | values, max_size=3) | values,
        "body": anything | st.sampled_from(["YQ==", "YQ"]) | values,
        "isBase64Encoded": st.booleans() | values,
    },
)
payloads = (heads | values).map(lambda value: json.dumps(value).encode()) | st.binary()

tokens = st.from_regex(r"[a-z][a-z-]{0,8}", fullmatch=True).map(lambda name: f"x-{name}")
lines = st.text(st.characters(min_codepoint=32, exclude_characters="\x7f"), max_size=12).map(
    lambda text: text.strip(" \t")
)


def is_fit_for_http(response: WebResponse) -> bool:
    return (
        200 <= response.status <= 599
        and all(NAME.fullmatch(name) for name, _ in response.headers)
        and all(isinstance(value, str) for _, value in response.headers)
        and not any(set(value) & set("\r\n\0") for _, value in response.headers)
        and isinstance(response.body, bytes)
    )


def event(request: WebRequest) -> Any:
    made = event_of(
        request, url_id="u", request_id="r", now=0.5, trace_header="Root=1", authorizer=None
    )
    return json.loads(made)


@given(web_requests)
def test_every_request_becomes_an_event(request: WebRequest) -> None:
    made = event(request)
    assert (made["rawPath"], made["rawQueryString"]) == (request.raw_path, request.raw_query)
    assert made["requestContext"]["http"]["method"] == request.method
    assert ("body" in made) == bool(request.body)
    if made["isBase64Encoded"]:
        assert base64.b64decode(made["body"]) == request.body
    elif request.body:
        assert made["body"].encode() == request.body


@given(payloads)
def test_whatever_is_returned_is_a_response_or_refused(payload: bytes) -> None:
    try:
        response = response_of(payload)
    except BadResponse:
        return
    assert is_fit_for_http(response)


@given(
    st.integers(200, 599),
    st.dictionaries(tokens, lines, max_size=4),
    st.lists(lines, max_size=3),
    st.binary(max_size=20),
)
def test_what_was_meant_is_what_is_answered(
    status: int, headers: dict[str, str], cookies: list[str], body: bytes
) -> None:
    # Given
    value = {
        "statusCode": status,
        "headers": headers,
        "cookies": cookies,
        "body": base64.b64encode(body).decode(),
        "isBase64Encoded": True,
    }
    # When
    response = response_of(json.dumps(value).encode())
    # Then
    told = [*headers.items(), ("content-type", "application/json")]
    told += [("set-cookie", cookie) for cookie in cookies]
    assert response == WebResponse(status, tuple(told), body)


def read(chunks: list[bytes]) -> tuple[WebResponse, bytes] | str:
    """The head and the whole body, or why there is none."""
    reader = PreludeReader()
    try:
        for index, chunk in enumerate(chunks):
            found = reader.feed(chunk)
            if found is not None:
                return found[0], found[1] + b"".join(chunks[index + 1 :])
    except BadResponse as refusal:
        return str(refusal)
    return "no end"


@given(
    st.one_of(
        st.builds(
            lambda head, body: json.dumps(head).encode() + DELIMITER + body,
            heads | values,
            st.binary(max_size=20) | st.just(b"\0" * 9),
        ),
        st.lists(st.sampled_from([b"{}", b"\0", DELIMITER, b" " * 65_530])).map(b"".join),
    ),
    st.data(),
)
def test_it_does_not_matter_in_which_chunks_a_prelude_comes(
    stream: bytes, data: st.DataObject
) -> None:
    # Given
    cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=6).map(sorted))
    chunks = [
        stream[start:end] for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)
    ]
    # When
    found = read(chunks)
    # Then
    assert found == read([stream])
    if not isinstance(found, str):
        assert is_fit_for_http(found[0])
        assert found[1] == stream[stream.index(DELIMITER) + 8 :]

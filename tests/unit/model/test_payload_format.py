"""Payload format 2.0."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import Any

import pytest

from lambdad.model.caller import Caller
from lambdad.model.url_event import event_of, iam_authorizer
from lambdad.model.url_response import LARGEST_PRELUDE, BadResponse, PreludeReader, response_of
from lambdad.model.web_request import WebRequest, WebResponse

HOST = "u7x.lambda-url.eu-west-1.localhost"
TRACE = "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=0"
GET = WebRequest(
    method="GET",
    raw_path="/a%20b",
    raw_query="",
    headers={"host": f"{HOST}:4566", "user-agent": "curl/8"},
    body=b"",
    host=HOST,
    source_ip="10.1.2.3",
    port=4566,
)
JSON = ("content-type", "application/json")
DELIMITER = b"\0" * 8


def event(request: WebRequest, authorizer: dict[str, Any] | None = None) -> Any:
    made = event_of(
        request,
        url_id="u7x",
        request_id="r-1",
        now=1583348638.39,
        trace_header=TRACE,
        authorizer=authorizer,
    )
    return json.loads(made)


def post(body: bytes, **headers: str) -> WebRequest:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return replace(GET, method="POST", headers={**GET.headers, **names}, body=body)


def test_the_event_of_a_plain_get() -> None:
    assert event(GET) == {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": "/a%20b",
        "rawQueryString": "",
        "headers": {
            "host": f"{HOST}:4566",
            "user-agent": "curl/8",
            "x-forwarded-for": "10.1.2.3",
            "x-forwarded-port": "4566",
            "x-forwarded-proto": "http",
            "x-amzn-trace-id": TRACE,
        },
        "requestContext": {
            "accountId": "anonymous",
            "apiId": "u7x",
            "domainName": HOST,
            "domainPrefix": "u7x",
            "http": {
                "method": "GET",
                "path": "/a%20b",
                "protocol": "HTTP/1.1",
                "sourceIp": "10.1.2.3",
                "userAgent": "curl/8",
            },
            "requestId": "r-1",
            "routeKey": "$default",
            "stage": "$default",
            "time": "04/Mar/2020:19:03:58 +0000",
            "timeEpoch": 1583348638390,
        },
        "isBase64Encoded": False,
    }


def test_the_query_is_told_as_sent_and_decoded() -> None:
    made = event(replace(GET, raw_query="a=1&b=x%20y+z&a=2&empty=&bare&c=%C3%A9%FF"))
    assert made["rawQueryString"] == "a=1&b=x%20y+z&a=2&empty=&bare&c=%C3%A9%FF"
    assert made["queryStringParameters"] == {
        "a": "1,2",
        "b": "x y z",
        "empty": "",
        "bare": "",
        "c": "é\ufffd",
    }


def test_cookies_are_a_list_and_no_header() -> None:
    made = event(replace(GET, headers={"cookie": "a=1; b=2;c=3; "}))
    assert made["cookies"] == ["a=1", "b=2", "c=3"]
    assert "cookie" not in made["headers"]


def test_what_a_client_says_of_its_own_way_here_is_not_believed() -> None:
    sent = {
        "x-forwarded-for": "1.1.1.1",
        "x-forwarded-proto": "https",
        "x-forwarded-port": "443",
        "x-amzn-trace-id": "Root=1-0-0",
    }
    made = event(replace(GET, headers=sent))
    assert made["headers"] == {
        "x-forwarded-for": "10.1.2.3",
        "x-forwarded-proto": "http",
        "x-forwarded-port": "4566",
        "x-amzn-trace-id": TRACE,
    }


def test_what_concerns_the_connection_alone_is_left_out() -> None:
    made = event(post(b"abc", transfer_encoding="chunked", connection="keep-alive", te="trailers"))
    assert made["headers"].keys() & {"transfer-encoding", "connection", "te"} == set()
    assert made["headers"]["content-length"] == "3"


def test_a_signed_request_tells_who_signed_it_and_not_how() -> None:
    # Given
    caller = Caller("123456789012", "eu-west-1", "AKIAX", user="arn:aws:iam::123456789012:user/ann")
    request = replace(GET, headers={"authorization": "AWS4-HMAC-SHA256 …", "x-amz-date": "d"})
    # When
    made = event(request, iam_authorizer(caller, "AIDAX"))
    # Then
    assert made["requestContext"]["accountId"] == "123456789012"
    assert made["requestContext"]["authorizer"] == {
        "iam": {
            "accessKey": "AKIAX",
            "accountId": "123456789012",
            "callerId": "AIDAX",
            "cognitoIdentity": None,
            "principalOrgId": None,
            "userArn": "arn:aws:iam::123456789012:user/ann",
            "userId": "AIDAX",
        }
    }
    assert "authorization" not in made["headers"]
    assert event(request)["headers"]["authorization"] == "AWS4-HMAC-SHA256 …"


@pytest.mark.parametrize(
    "content_type",
    [
        *("text/plain", "text/html; charset=utf-8", "application/json", "Application/JSON ;x=y"),
        *("application/javascript", "application/xml", "application/problem+json", "image/svg+xml"),
    ],
)
def test_text_stays_text(content_type: str) -> None:
    made = event(post("é\0".encode(), content_type=content_type))
    assert (made["body"], made["isBase64Encoded"]) == ("é\0", False)


@pytest.mark.parametrize(
    "headers",
    [
        *({}, {"content_type": "application/x-www-form-urlencoded"}, {"content_type": "image/png"}),
        {"content_type": "text/plain", "content_encoding": "gzip"},
    ],
)
def test_everything_else_is_base64(headers: dict[str, str]) -> None:
    made = event(post(b"a=b", **headers))
    assert (made["body"], made["isBase64Encoded"]) == ("YT1i", True)


def test_text_that_is_no_utf_8_is_base64() -> None:
    made = event(post(b"\xff", content_type="text/plain"))
    assert (made["body"], made["isBase64Encoded"]) == ("/w==", True)


@pytest.mark.parametrize("payload", [b'"Hello"', b"null", b"[1, 2]", b'{"a": 1}', b" 1e3 "])
def test_json_without_a_status_is_the_body(payload: bytes) -> None:
    assert response_of(payload) == WebResponse(200, (JSON,), payload)


def returned(**members: Any) -> WebResponse:
    return response_of(json.dumps({"statusCode": 200, **members}).encode())


def test_an_object_with_a_status_is_a_response() -> None:
    response = returned(
        statusCode=201,
        headers={"Content-Type": "text/html", "X-Number": 1.5, "x-true": True, "x-one": 1},
        body="é",
        cookies=["a=1; Path=/", "b=2"],
    )
    assert response.status == 201
    assert response.headers == (
        ("content-type", "text/html"),
        ("x-number", "1.5"),
        ("x-true", "true"),
        ("x-one", "1"),
        ("set-cookie", "a=1; Path=/"),
        ("set-cookie", "b=2"),
    )
    assert response.body == "é".encode()


def test_members_that_are_null_or_absent_are_empty() -> None:
    nothing = WebResponse(200, (JSON,))
    assert returned() == nothing
    assert returned(headers=None, body=None, cookies=None, isBase64Encoded=None) == nothing


def test_a_body_in_base64_is_decoded() -> None:
    body = base64.b64encode(b"\0\xff").decode()
    assert returned(body=body, isBase64Encoded=True).body == b"\0\xff"
    assert returned(body=body, isBase64Encoded=False).body == body.encode()


def test_a_status_may_be_digits_in_a_string() -> None:
    assert returned(statusCode="404").status == 404


def test_headers_of_the_connection_are_ours() -> None:
    names = "Transfer-Encoding Proxy-Authenticate keep-alive Upgrade TE Trailer x-amzn-RequestId"
    sent = dict.fromkeys(names.split(), "x")
    assert returned(headers={**sent, "x-kept": "yes"}).headers == (("x-kept", "yes"), JSON)


def test_headers_that_are_ours_to_set_are_told_under_another_name() -> None:
    sent = {"Connection": "close", "Content-Length": "5", "Date": "today"}
    assert returned(headers=sent).headers == (
        ("x-amzn-remapped-connection", "close"),
        ("x-amzn-remapped-content-length", "5"),
        ("x-amzn-remapped-date", "today"),
        JSON,
    )


def test_one_name_in_two_spellings_is_one_header_but_cookies_are_several() -> None:
    sent = {"X-A": "1", "x-a": "2", "Set-Cookie": "a=1", "set-cookie": "b=2"}
    assert returned(headers=sent, cookies=["c=3"]).headers == (
        ("x-a", "2"),
        JSON,
        ("set-cookie", "a=1"),
        ("set-cookie", "b=2"),
        ("set-cookie", "c=3"),
    )


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        *[
            ({"statusCode": status}, "statusCode is no integer between 200 and 599.")
            for status in (None, True, 100, 199, 600, 200.5, 200.0, "2", "٢٠٠", " 200", [], {})
        ],
        ({"headers": []}, "headers is no object."),
        ({"headers": "x"}, "headers is no object."),
        ({"headers": {"": "x"}}, "headers has a name that HTTP does not allow."),
        ({"headers": {"a b": "x"}}, "headers has a name that HTTP does not allow."),
        ({"headers": {"a:": "x"}}, "headers has a name that HTTP does not allow."),
        ({"headers": {"a\n": "x"}}, "headers has a name that HTTP does not allow."),
        ({"headers": {"é": "x"}}, "headers has a name that HTTP does not allow."),
        *[
            (
                {"headers": {"a": value}},
                "headers has a value that is neither string, number nor boolean.",
            )
            for value in (None, [], {})
        ],
        *[
            ({"headers": {"a": f"x{character}y"}}, "A header or cookie has a control character.")
            for character in "\r\n\0\x1b\x7f"
        ],
        ({"cookies": "a=b"}, "cookies is no list of strings."),
        ({"cookies": [1]}, "cookies is no list of strings."),
        ({"cookies": ["a=b\r\nx: y"]}, "A header or cookie has a control character."),
        ({"body": {}}, "body is no string."),
        ({"body": 1}, "body is no string."),
        ({"body": "", "isBase64Encoded": "yes"}, "isBase64Encoded is no boolean."),
        *[
            (
                {"body": text, "isBase64Encoded": True},
                "body is not Base64, as isBase64Encoded says.",
            )
            for text in ("a", "a===", "é", "YQ==\n", "-_-_")
        ],
    ],
)
def test_what_is_no_response_is_refused(members: dict[str, Any], reason: str) -> None:
    with pytest.raises(BadResponse) as caught:
        returned(**members)
    assert str(caught.value) == reason


@pytest.mark.parametrize(
    "payload", [b"", b"hello", b"\xff", b"NaN", b'{"statusCode": 200', b"[" * 100_000, b"9" * 5000]
)
def test_what_is_no_json_is_refused(payload: bytes) -> None:
    with pytest.raises(BadResponse, match="has not returned JSON"):
        response_of(payload)


def test_a_prelude_is_the_head_of_a_stream() -> None:
    # Given
    reader = PreludeReader()
    # When
    assert reader.feed(b'{"statusCode": 404, "headers": {"A": "b"}, ') is None
    assert reader.feed(b'"cookies": ["c=d"]}\0\0\0') is None
    read = reader.feed(b"\0\0\0\0\0\0body")
    # Then
    headers = (("a", "b"), ("content-type", "application/octet-stream"), ("set-cookie", "c=d"))
    assert read == (WebResponse(404, headers), b"\0body")


def test_a_prelude_may_say_nothing() -> None:
    read = PreludeReader().feed(b"{}" + DELIMITER)
    assert read == (WebResponse(200, (("content-type", "application/octet-stream"),)), b"")


@pytest.mark.parametrize(
    "prelude", [b"", b"[]", b"null", b"{", b'{"statusCode": 101}', b'{"headers": {"a": "\\n"}}']
)
def test_a_malformed_prelude_is_refused(prelude: bytes) -> None:
    with pytest.raises(BadResponse):
        PreludeReader().feed(prelude + DELIMITER)


def test_a_prelude_has_at_most_64_kib() -> None:
    longest = b"{" + b" " * (LARGEST_PRELUDE - 2) + b"}"
    assert PreludeReader().feed(longest + DELIMITER) is not None
    with pytest.raises(BadResponse, match="more than 65536 bytes"):
        PreludeReader().feed(longest + b" " + DELIMITER)
    with pytest.raises(BadResponse, match="more than 65536 bytes"):
        PreludeReader().feed(longest + b" " * 8)

"""CORS of a function URL."""

from __future__ import annotations

from typing import Any

import pytest

from lambdad.model.cors import cors_headers, preflight_answer, with_cors
from lambdad.model.web_request import WebRequest, WebResponse

PAGE = "https://app.example.com"
ALL = {"AllowOrigins": ["*"], "AllowMethods": ["*"], "AllowHeaders": ["*"]}
ONE = {
    "AllowOrigins": ["https://other.example.com", PAGE],
    "AllowMethods": ["GET", "PUT"],
    "AllowHeaders": ["content-type", "x-a"],
    "ExposeHeaders": ["x-b", "x-c"],
    "AllowCredentials": True,
    "MaxAge": 60,
}


def preflight(method: str = "OPTIONS", **headers: str) -> WebRequest:
    sent = {
        "origin": PAGE,
        "access-control-request-method": "PUT",
        "access-control-request-headers": "x-a,authorization",
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    sent = {name: value for name, value in sent.items() if value}
    return WebRequest(method, "/", "", sent, b"", "h", "127.0.0.1")


def answered(cors: dict[str, Any], request: WebRequest) -> dict[str, str]:
    answer = preflight_answer(cors, request)
    assert answer is not None
    assert (answer.status, answer.body) == (200, b"")
    headers = dict(answer.headers)
    assert len(headers) == len(answer.headers)
    assert headers.pop("content-type") == "application/json"
    return headers


def test_a_preflight_is_told_what_is_allowed() -> None:
    assert answered(ONE, preflight()) == {
        "vary": "origin",
        "access-control-allow-origin": PAGE,
        "access-control-allow-credentials": "true",
        "access-control-allow-methods": "GET,PUT",
        "access-control-allow-headers": "content-type,x-a",
        "access-control-max-age": "60",
    }


def test_where_everything_is_allowed_it_is_what_was_asked_for() -> None:
    assert answered(ALL, preflight()) == {
        "access-control-allow-origin": "*",
        "access-control-allow-methods": "PUT",
        "access-control-allow-headers": "x-a,authorization",
    }


def test_another_origin_is_told_nothing() -> None:
    assert answered(ONE, preflight(origin="https://evil.example.com")) == {"vary": "origin"}
    assert answered({"AllowMethods": ["*"]}, preflight()) == {"vary": "origin"}


@pytest.mark.parametrize(
    "request_",
    [
        preflight("GET"),
        preflight(origin=""),
        preflight(access_control_request_method=""),
    ],
)
def test_what_is_no_preflight_is_for_the_function(request_: WebRequest) -> None:
    assert preflight_answer(ALL, request_) is None


def test_without_cors_everything_is_the_functions() -> None:
    response = WebResponse(200, (("access-control-allow-origin", "x"),))
    assert preflight_answer({}, preflight()) is None
    assert cors_headers({}, PAGE) == {}
    assert with_cors(response, {}, PAGE) is response


@pytest.mark.parametrize(
    ("origin", "headers"),
    [
        (
            PAGE,
            {
                "vary": "origin",
                "access-control-allow-origin": PAGE,
                "access-control-allow-credentials": "true",
                "access-control-expose-headers": "x-b,x-c",
            },
        ),
        ("https://evil.example.com", {"vary": "origin"}),
        (f"{PAGE}.evil.com", {"vary": "origin"}),
        ("null", {"vary": "origin"}),
        ("", {"vary": "origin"}),
        (None, {"vary": "origin"}),
    ],
)
def test_an_answer_is_for_the_origins_that_are_allowed(
    origin: str | None, headers: dict[str, str]
) -> None:
    assert cors_headers(ONE, origin) == headers


def test_an_answer_may_be_for_all() -> None:
    assert cors_headers(ALL, PAGE) == {"access-control-allow-origin": "*"}
    assert cors_headers(ALL, None) == {}


def test_with_credentials_all_are_each_by_name() -> None:
    cors = {"AllowOrigins": ["*"], "AllowCredentials": True}
    assert cors_headers(cors, PAGE) == {
        "vary": "origin",
        "access-control-allow-origin": PAGE,
        "access-control-allow-credentials": "true",
    }


def test_case_of_an_origin_does_not_matter() -> None:
    answer = cors_headers({"AllowOrigins": ["https://App.example.com"]}, PAGE)
    assert answer["access-control-allow-origin"] == PAGE


@pytest.mark.parametrize("origin", [PAGE, "https://evil.example.com", None])
def test_the_function_has_no_say_in_it(origin: str | None) -> None:
    # Given
    response = WebResponse(
        404,
        (
            ("access-control-allow-origin", "*"),
            ("set-cookie", "a"),
            ("access-control-max-age", "9"),
            ("set-cookie", "b"),
        ),
        b"body",
    )
    # When
    answer = with_cors(response, ONE, origin)
    # Then
    expected = (("set-cookie", "a"), ("set-cookie", "b"), *cors_headers(ONE, origin).items())
    assert answer == WebResponse(404, expected, b"body")


@pytest.mark.parametrize(
    ("vary", "told"),
    [("accept", "accept,origin"), ("Accept, Origin", "Accept, Origin"), ("*", "*")],
)
def test_a_function_may_vary_by_more(vary: str, told: str) -> None:
    answer = with_cors(WebResponse(200, (("vary", vary),)), ONE, None)
    assert answer.headers == (("vary", told),)
    assert with_cors(WebResponse(200, (("vary", vary),)), ALL, None).headers == (("vary", vary),)

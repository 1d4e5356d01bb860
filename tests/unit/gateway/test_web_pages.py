"""What a page in a browser could send is told from what programs send."""

from __future__ import annotations

import pytest

from lambdad.gateway.body import Body
from lambdad.gateway.http import Request
from lambdad.gateway.web_pages import is_from_a_web_page


def request(**headers: str) -> Request:
    fields = {name.encode(): value.encode() for name, value in headers.items()}
    return Request("GET", b"/", fields, Body())


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1:4566",
        "localhost",
        "localhost:4566",
        "[::1]:4566",
        "bucket.localhost:4566",
        "lambda.us-east-1.amazonaws.com",
        "server",
    ],
)
def test_programs_are_let_in(host: str) -> None:
    assert not is_from_a_web_page(request(host=host))


@pytest.mark.parametrize(
    "host", ["rebind.evil.example", "rebind.evil.example:4566", "192.0.2.7", "amazonaws.com.evil.x"]
)
def test_a_page_whose_name_points_here_is_told_by_its_name(host: str) -> None:
    assert is_from_a_web_page(request(host=host))


def test_a_page_is_told_by_its_origin() -> None:
    assert is_from_a_web_page(request(host="127.0.0.1:4566", origin="https://evil.example"))
    assert is_from_a_web_page(request(host="127.0.0.1:4566", origin="null"))

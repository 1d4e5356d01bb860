"""Whatever names a function URL is never AWS's own, however it is written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import pytest

from lambdad.gateway.body import Body
from lambdad.gateway.function_urls import FunctionUrls
from lambdad.gateway.http import Request
from lambdad.model.function_url import UrlAddress

ID = "a" * 32
HOST = f"{ID}.lambda-url.us-east-1.localhost"


def find(host: str, target: str = "/2015-03-31/functions") -> UrlAddress | None:
    nothing = cast(Callable[..., Any], None)
    urls = FunctionUrls(nothing, find_key=nothing, identify=nothing, now=nothing, statuses={})
    headers = {b"host": host.encode("latin-1")}
    return urls.find(Request("GET", target.encode(), headers, Body.of(b"")))


@pytest.mark.parametrize(
    "host", [HOST, f"{HOST}:4566", f"{HOST}.", f"{HOST}.:80", HOST.upper(), f"x@{HOST}"]
)
def test_a_name_of_a_url_is_found_however_it_is_written(host: str) -> None:
    assert find(host, "/a/../b") == UrlAddress(ID, "us-east-1", "/a/../b")


@pytest.mark.parametrize(
    "host",
    [
        *(f"{HOST}:99999", f"{HOST}:x", f"{HOST}:-1", f"[{HOST}", f"{HOST} :80", f" {HOST}x"),
        *(f"{HOST}@127.0.0.1", f"#{HOST}", f"127.0.0.1/{HOST}", f"x.{HOST}", f"{HOST}.."),
        *(
            f"x.lambda-url.{'y' * 10_000}",
            ".lambda-url.",
            f"\xff{HOST}",
            f"{ID[:-1]}á.lambda-url.localhost",
        ),
        HOST.replace("localhost", "evil.example"),
    ],
)
@pytest.mark.parametrize("target", ["/2015-03-31/functions", f"/_lambdad/url/{ID}/", "*"])
def test_what_nearly_names_one_is_nobodys(host: str, target: str) -> None:
    found = find(host, target)
    assert found is not None
    assert found.url_id == ""


@pytest.mark.parametrize("host", ["", "127.0.0.1:4566", "lambda.us-east-1.amazonaws.com", "a b"])
@pytest.mark.parametrize("target", ["/", "/_lambdad/url/", "/_lambdad/url/..", f"/x/../{ID}", "*"])
def test_all_others_are_none(host: str, target: str) -> None:
    assert find(host, target) is None

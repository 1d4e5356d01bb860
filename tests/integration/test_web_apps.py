"""As a developer I bring a web application as it is, with the adapter that is usual for it.

The applications are those of examples/: the same site, once on Starlette with Mangum and once on
Flask with apig-wsgi.
"""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest

from lambdad.testing.server import LocalServer
from support.functions import DeployedFunction
from support.packages import directory_files, distribution_files, make_zip
from support.web import Site, publish

pytestmark = [pytest.mark.slow, pytest.mark.root]

EXAMPLES = Path(__file__).parents[2] / "examples"
DISTRIBUTIONS = {
    "starlette": ("mangum", "python-multipart", "starlette"),
    "flask": ("apig-wsgi", "flask"),
}
FORM = "application/x-www-form-urlencoded"


@pytest.fixture(scope="module", params=DISTRIBUTIONS)
def site(
    request: pytest.FixtureRequest,
    deploy: Callable[..., DeployedFunction],
    namespaces_server: LocalServer,
) -> Iterator[Site]:
    """The example, deployed with the packages that are installed here."""
    files = directory_files(EXAMPLES / request.param)
    package = make_zip(files | distribution_files(*DISTRIBUTIONS[request.param]))
    function = deploy(namespaces_server, package=package, Timeout=30)
    yield publish(function)
    function.client.delete_function(FunctionName=function.name)


def test_the_packages_are_those_that_the_example_asks_for() -> None:
    for example, distributions in DISTRIBUTIONS.items():
        lines = (EXAMPLES / example / "requirements.txt").read_text().split()
        assert [line.partition(">")[0] for line in lines] == list(distributions)


def test_a_page_is_a_page(site: Site) -> None:
    home = site.get("/")
    assert (home.status, home.type) == (200, "text/html"), home
    assert "Hello, stranger!" in home.text


def test_a_form_is_read_its_fields_are_kept_in_cookies_and_the_browser_is_sent_home(
    site: Site,
) -> None:
    # When a form is sent
    fields = {"name": "Zoë & <b>Łukasz</b>", "colour": "#008080"}
    sent = site.post("/name", urlencode(fields).encode(), FORM)
    # Then the browser is sent home, with two cookies
    assert (sent.status, sent.headers["location"]) == (303, "/"), sent
    assert sorted(sent.cookies) == ["colour", "name"]
    assert all("HttpOnly" in line for line in sent.headers.get_all("set-cookie", []))
    # And home knows them
    home = site.get("/", cookie="; ".join(f"{name}={sent.cookies[name]}" for name in sent.cookies))
    assert "Hello, Zoë &amp; &lt;b&gt;Łukasz&lt;/b&gt;!" in home.text
    assert "color: #008080" in home.text


def test_a_query_may_repeat_a_field_and_hold_any_character(site: Site) -> None:
    query = [("tag", "red"), ("tag", "blue, green"), ("empty", ""), ("word", "naïve + 50 % & ☃")]
    found = site.get(f"/search?{urlencode(query)}")
    assert (found.status, found.type) == (200, "application/json"), found
    assert found.json == {
        "tag": ["red", "blue, green"],
        "empty": [""],
        "word": ["naïve + 50 % & ☃"],
    }


@pytest.mark.parametrize("title", ["plain", "two words", "größer", "日本語", "a+b&c=d", "☃️"])
def test_a_path_may_hold_any_character(site: Site, title: str) -> None:
    page = site.get(f"/pages/{quote(title)}")
    assert page.status == 200, page
    assert f"<title>{title.replace('&', '&amp;')}</title>" in page.text


@pytest.mark.parametrize("content", [b"", bytes(range(256)), os.urandom(100_000)], ids=len)
def test_bytes_arrive_as_they_were_sent_and_come_back_as_they_were_made(
    site: Site, content: bytes
) -> None:
    smaller = site.post("/compress", content, "application/octet-stream")
    assert (smaller.status, smaller.type) == (200, "application/gzip"), smaller
    assert smaller.headers["content-disposition"] == 'attachment; filename="smaller.gz"'
    assert gzip.decompress(smaller.body) == content


def test_text_arrives_as_it_was_sent(site: Site) -> None:
    content = "Zoë\r\n\0☃\n".encode()
    smaller = site.post("/compress", content, "text/plain; charset=utf-8")
    assert gzip.decompress(smaller.body) == content


def test_what_is_not_there_is_the_sites_own_404(site: Site) -> None:
    missing = site.get("/nothing/here")
    assert missing.status == 404
    assert "not found" in missing.text.lower()


def test_a_method_that_is_not_allowed_is_the_sites_own_405(site: Site) -> None:
    refused = site.get("/compress")
    assert refused.status == 405
    assert "POST" in refused.headers["allow"]


def test_head_has_the_headers_of_get_without_a_body(site: Site) -> None:
    head = site.request("HEAD", "/", headers={})
    assert (head.status, head.type, head.body) == (200, "text/html", b"")


def test_the_example_of_server_sent_events_shows_a_page_and_tells_its_progress(
    make_function: Callable[..., DeployedFunction],
) -> None:
    site = publish(make_function(files=directory_files(EXAMPLES / "sse")), stream=True)
    page = site.get("/")
    assert (page.status, page.type) == (200, "text/html")
    assert "EventSource" in page.text
    events = site.get("/events?steps=2&pause=0")
    assert (events.status, events.type) == (200, "text/event-stream")
    assert events.text.split("\n\n") == [
        'data: {"step": 1, "steps": 2}', 'data: {"step": 2, "steps": 2}',
        "event: done\ndata:", "",
    ]  # fmt: skip

"""Where a function URL is, and which URL a request means."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdad.model.function_url import PATH_PREFIX, FunctionUrl, UrlAddress, parse_address

ID = "0a1b2c3d4e5f6g7h8i9j0k1l2m3n4o5p"
IDS = st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=32, max_size=32)
REGIONS = st.from_regex(r"[a-z]{2}-[a-z]{4,9}-[0-9]", fullmatch=True)


def url(qualifier: str | None = None) -> FunctionUrl:
    return FunctionUrl(
        account_id="123456789012",
        region="eu-central-1",
        function_name="f",
        qualifier=qualifier,
        url_id=ID,
        auth_type="NONE",
        created=0.0,
        last_modified=0.0,
    )


def test_a_url_invokes_latest_or_an_alias() -> None:
    arn = "arn:aws:lambda:eu-central-1:123456789012:function:f"
    assert (url().arn, url().key) == (arn, ("123456789012", "eu-central-1", "f"))
    assert url("live").arn == f"{arn}:live"
    assert url("live").key == ("123456789012", "eu-central-1", "f:live")


def test_its_own_host_leads_to_it() -> None:
    assert parse_address(url().host, "/x") == UrlAddress(ID, "eu-central-1", "/x")


@given(IDS, REGIONS, st.sampled_from(["localhost", "on.aws"]), st.text(), st.randoms())
def test_a_host_names_id_and_region_in_small_letters_and_capitals(
    id: str, region: str, end: str, path: str, chance: st.DataObject
) -> None:
    host = f"{id}.lambda-url.{region}.{end}"
    written = "".join(chance.choice((each.upper(), each)) for each in host)  # type: ignore[attr-defined]
    assert parse_address(written, path) == UrlAddress(id, region, path)


@given(IDS, st.text())
def test_a_path_names_the_id_and_what_lies_behind(id: str, rest: str) -> None:
    assert parse_address("127.0.0.1", f"{PATH_PREFIX}{id}/{rest}") == UrlAddress(
        id, None, f"/{rest}"
    )
    assert parse_address("127.0.0.1", f"{PATH_PREFIX}{id}") == UrlAddress(id, None, "/")


def test_the_host_counts_before_the_path() -> None:
    path = f"{PATH_PREFIX}{'0' * 32}/x"
    assert parse_address(url().host, path) == UrlAddress(ID, "eu-central-1", path)


@pytest.mark.parametrize(
    "host",
    [
        "",
        "localhost",
        f"{ID}.lambda-url.localhost",
        f"{ID[1:]}.lambda-url.eu-central-1.localhost",
        f"{ID}x.lambda-url.eu-central-1.localhost",
        f"x.{ID}.lambda-url.eu-central-1.localhost",
        f"{ID}.lambda-url.eu_central.localhost",
        f"{ID}.lambda-url.eu-central-1.localhost.evil.example",
        f"{ID}.lambda-url.eu-central-1.on-aws",
        f"{ID}.lambda-url.eu-central-1.localhost\n",
        f"{ID}.lambda-url.eu.central.localhost",
    ],
)
@pytest.mark.parametrize(
    "path", ["/", "", PATH_PREFIX, f"{PATH_PREFIX}{ID}x", f"{PATH_PREFIX}{ID.upper()}", f"/{ID}"]
)
def test_everything_else_is_no_url(host: str, path: str) -> None:
    assert parse_address(host, path) is None


@given(st.text(), st.text())
def test_arbitrary_hosts_are_none_or_name_an_id(host: str, path: str) -> None:
    for named in (host, f"{ID}.lambda-url.{host}.localhost", f"{host}.lambda-url.x.on.aws"):
        found = parse_address(named, path)
        assert found is None or (len(found.url_id) == 32 and found.url_id.isascii())

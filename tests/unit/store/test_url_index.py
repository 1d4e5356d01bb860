"""Function URLs are found by their ids, as long as they are there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from lambdad.model.function import Function
from lambdad.model.function_url import FunctionUrl
from lambdad.store.database import Database
from lambdad.store.resources import Resources
from lambdad.store.url_index import UrlIndex

URL = FunctionUrl(
    account_id="000000000000",
    region="us-east-1",
    function_name="f",
    qualifier=None,
    url_id="a" * 32,
    auth_type="NONE",
    created=0.0,
    last_modified=0.0,
)


def test_only_urls_are_found(make_function: Callable[..., Function]) -> None:
    index = UrlIndex()
    index.add(make_function())
    index.remove(make_function())
    index.remove(URL)
    assert index.find(URL.url_id) is None
    index.add(URL)
    assert index.find(URL.url_id) == URL
    index.remove(URL)
    assert index.find(URL.url_id) is None


async def test_what_is_saved_is_found_as_it_is_now(database: Database) -> None:
    resources = await Resources.load(database)
    await resources.save(URL)
    changed = replace(URL, auth_type="AWS_IAM")
    await resources.save(changed)
    alias = replace(URL, qualifier="live", url_id="b" * 32)
    await resources.save(alias)
    for each in (resources, await Resources.load(database)):  # also after a start
        assert each.urls.find(URL.url_id) == changed
        assert each.urls.find(alias.url_id) == alias
    await resources.delete(changed)
    for each in (resources, await Resources.load(database)):
        assert each.urls.find(URL.url_id) is None
        assert each.urls.find(alias.url_id) == alias


async def test_one_that_takes_anothers_place_has_its_own_id_alone(database: Database) -> None:
    resources = await Resources.load(database)
    await resources.save(URL)
    again = replace(URL, url_id="c" * 32)
    await resources.save(again)
    assert resources.urls.find(URL.url_id) is None
    assert resources.urls.find(again.url_id) == again

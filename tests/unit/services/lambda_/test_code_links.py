"""Links to packages: they work without credentials, for ten minutes, and for one package."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from lambdad.services.lambda_ import code_links

Plane = Any


async def location(plane: Plane) -> tuple[str, str]:
    link = urlsplit((await plane("GetFunction", FunctionName="echo"))["Code"]["Location"])
    assert (link.scheme, link.netloc) == ("http", "127.0.0.1:4566")
    return link.path, link.query


async def download(control: Any, path: str, query: str) -> tuple[int, dict[str, str], bytes]:
    return await code_links.download(control, path, dict(parse_qsl(query)), {})


async def test_the_link_leads_to_the_package(
    plane: Plane, new_creation: Callable[..., dict[str, Any]]
) -> None:
    package = new_creation()["Code"]["ZipFile"]
    await plane.create()

    status, headers, body = await download(plane.control, *await location(plane))

    assert (status, headers["content-type"]) == (200, "application/zip")
    assert body == package


async def test_the_link_expires(plane: Plane) -> None:
    await plane.create()
    path, query = await location(plane)

    plane.clock.advance(599)
    assert (await download(plane.control, path, query))[0] == 200
    plane.clock.advance(1)
    assert (await download(plane.control, path, query))[0] == 403


async def test_a_changed_link_is_refused(plane: Plane) -> None:
    await plane.create()
    path, query = await location(plane)
    expires, signature = query.split("&")

    for changed in (
        ("", ""),
        (path, ""),
        (path, signature),
        (path, f"{expires}0&{signature}"),
        (path, f"expires=-1&{signature}"),
        (path, f"expires=²&{signature}"),
        (path, f"{expires}&signature=é"),
        (path[:-1] + "0" if path[-1] != "0" else path[:-1] + "1", query),
        ("/_lambdad/code/../state.db", query),
    ):
        assert (await download(plane.control, *changed))[0] == 403


async def test_a_package_that_is_gone_is_not_found(plane: Plane) -> None:
    await plane.create()
    path, query = await location(plane)
    await plane.control.blobs.delete(path.rsplit("/", 1)[1])
    assert (await download(plane.control, path, query))[0] == 404

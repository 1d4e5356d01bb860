"""The tally of code says what a count of everything would say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from lambdad.model.function import Code, Function, FunctionVersion, Status
from lambdad.model.layer import LayerVersion
from lambdad.model.resource import Resource
from lambdad.store.code_tally import CodeTally
from lambdad.store.database import Database
from lambdad.store.resources import Resources

HERE = ("000000000000", "us-east-1")
codes = st.sampled_from(
    [Code("a" * 64, 1), Code("b" * 64, 10), Code("", 0, image_uri="host/image")]
)


def version(code: Code, number: str = "1") -> FunctionVersion:
    return FunctionVersion(
        *HERE, "f", number, "python3.11", "app.handler", "role", code, "r", 0.0, Status("Active")
    )  # fmt: skip


resources = st.one_of(
    st.builds(version, codes),
    st.builds(Function, st.builds(version, codes), pending=st.none() | st.builds(version, codes)),
    st.builds(lambda code: LayerVersion(*HERE, "l", 1, code, 0.0), codes.filter(lambda c: c.size)),
)


@given(st.lists(resources, max_size=20), st.data())
def test_what_comes_and_goes_is_counted(everything: list[Resource], data: st.DataObject) -> None:
    tally = CodeTally()
    for resource in everything:
        tally.add(resource)
    gone = data.draw(st.lists(st.sampled_from(everything), unique_by=id)) if everything else []
    for resource in gone:
        tally.remove(resource)
    left = [each for each in everything if not any(each is other for other in gone)]
    assert tally.size(*HERE) == sum(each.code_size for each in left)  # type: ignore[attr-defined]
    referred = {digest for each in left for digest in each.digests}  # type: ignore[attr-defined]
    for digest in ("a" * 64, "b" * 64, ""):
        assert tally.refers_to(digest) == (digest in referred)


async def test_resources_keep_the_tally(
    database: Database, make_function: Callable[..., Function]
) -> None:
    # Given
    catalog = await Resources.load(database)
    function = make_function()
    digest = function.latest.code.sha256
    await catalog.save(function)
    await catalog.save(function)
    assert catalog.code.size(*HERE) == function.latest.code.size
    # When
    other = replace(function.latest, code=Code("c" * 64, 7))
    await catalog.save(replace(function, latest=other))
    # Then
    assert not catalog.code.refers_to(digest)
    assert (await Resources.load(database)).code.size(*HERE) == 7
    await catalog.delete(function)
    await catalog.delete(function)
    assert catalog.code.size(*HERE) == 0

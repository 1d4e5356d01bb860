"""The layers of a function: which it may have, and that it keeps them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from lambdad.model.function import Function
from lambdad.services.lambda_ import attached_layers
from support.control_plane import ACCOUNT, REGION, Plane, creation, make_zip, refused

ARN = f"arn:aws:lambda:{REGION}:{ACCOUNT}:layer"
INVALID = "InvalidParameterValueException"
STRANGER = "999999999999"
IMPORT = "download it there (`aws lambda get-layer-version-by-arn --arn {}`"
Open = Callable[[], Awaitable[Plane]]


async def publish(plane: Plane, *names: str, **caller: str) -> list[str]:
    """Publish a version of each, and return their ARNs."""
    arns = []
    for name in names:
        content = {"ZipFile": make_zip({f"python/{name}.py": "x = 1"})}
        published = await plane("PublishLayerVersion", LayerName=name, Content=content, **caller)
        arns.append(published["LayerVersionArn"])
    return arns


def attached(configuration: dict[str, Any]) -> list[str]:
    return [layer["Arn"] for layer in configuration.get("Layers", [])]


async def test_layers_are_kept_in_their_order_until_they_are_changed(open_plane: Open) -> None:
    plane = await open_plane()
    a, b = await publish(plane, "a", "b")
    created = await plane.create(Layers=[b, a])
    assert attached(created) == [b, a]
    assert created["Layers"][0]["CodeSize"] == len(make_zip({"python/b.py": "x = 1"}))
    assert [layer.arn for layer in plane.preparation.prepared[-1].layers] == [b, a]

    assert attached(await plane.update(Timeout=9)) == [b, a]
    plane = await open_plane()
    assert attached(await plane("GetFunctionConfiguration", FunctionName="echo")) == [b, a]
    assert attached((await plane("ListFunctions"))["Functions"][0]) == [b, a]

    assert attached(await plane.update(Layers=[a])) == [a]
    assert "Layers" not in await plane.update(Layers=[])


async def test_a_published_version_keeps_its_layers(plane: Plane) -> None:
    a, b = await publish(plane, "a", "b")
    await plane.create(Layers=[a], Publish=True)
    await plane.update(Layers=[b])
    assert (await plane("PublishVersion", FunctionName="echo"))["Version"] == "2"
    for qualifier, arn in (("1", a), ("2", b)):
        found = await plane("GetFunctionConfiguration", FunctionName="echo", Qualifier=qualifier)
        assert attached(found) == [arn]


async def test_a_deleted_version_stays_where_it_is_and_goes_nowhere_else(plane: Plane) -> None:
    (a,) = await publish(plane, "a")
    await plane.create(Layers=[a])
    await plane("DeleteLayerVersion", LayerName="a", VersionNumber=1)
    assert attached(await plane.update(Timeout=9)) == [a]
    function = plane.control.resources.find(Function, ACCOUNT, REGION, "echo")
    assert function is not None
    assert plane.control.blobs.path(function.latest.layers[0].code.sha256).is_file()
    for answer in (
        plane("CreateFunction", **creation("other", Layers=[a])),
        plane("UpdateFunctionConfiguration", FunctionName="echo", Layers=[a]),
    ):
        await refused(answer, INVALID, f"Layer version {a} does not exist.")


async def test_a_version_that_never_was_is_refused(plane: Plane) -> None:
    await publish(plane, "a")
    for arn in (f"{ARN}:a:2", f"{ARN}:b:1", f"{ARN}:a:0"):
        answer = plane("CreateFunction", **creation(Layers=[arn]))
        await refused(answer, INVALID, f"Layer version {arn} does not exist.")
    assert (await plane("ListFunctions"))["Functions"] == []


async def test_more_than_five_are_refused(plane: Plane) -> None:
    arns = await publish(plane, *"abcdef")
    await plane.create(Layers=arns[:5])
    answer = plane("UpdateFunctionConfiguration", FunctionName="echo", Layers=arns)
    await refused(answer, INVALID, "Cannot reference more than 5 layers.")


async def test_two_versions_of_one_layer_are_refused(plane: Plane) -> None:
    first, second = await publish(plane, "a", "a")
    await refused(
        plane("CreateFunction", **creation(Layers=[first, second])),
        INVALID,
        "Two different versions of the same layer are not allowed to be referenced in the same "
        f"function. {second} and {first} are versions of the same layer.",
    )


async def test_what_is_not_compatible_is_attached_all_the_same(plane: Plane) -> None:
    published = await plane(
        "PublishLayerVersion",
        LayerName="node",
        Content={"ZipFile": make_zip({"nodejs/a.js": ""})},
        CompatibleRuntimes=["nodejs22.x"],
        CompatibleArchitectures=["arm64"],
    )
    assert attached(await plane.create(Layers=[published["LayerVersionArn"]]))


async def test_code_and_layers_may_only_be_so_large_together(
    plane: Plane, monkeypatch: pytest.MonkeyPatch
) -> None:
    (a,) = await publish(plane, "a")  # unzipped 5 bytes
    code = {"ZipFile": make_zip({"app.py": "12345"})}
    monkeypatch.setattr(attached_layers, "CODE_UNZIPPED", 10)
    await plane.create(Layers=[a], Code=code)
    larger = {"ZipFile": make_zip({"app.py": "123456"})}
    sentence = (
        "Function code combined with layers exceeds the maximum allowed size of 10 bytes. "
        "The actual size is 11 bytes."
    )
    await plane.create("other", Code=larger)
    for answer in (
        plane("CreateFunction", **creation("third", Layers=[a], Code=larger)),
        plane("UpdateFunctionConfiguration", FunctionName="other", Layers=[a]),
        plane("UpdateFunctionCode", FunctionName="echo", **larger),
    ):
        await refused(answer, INVALID, sentence)
    found = await plane("GetFunctionConfiguration", FunctionName="echo")
    assert (found["LastUpdateStatus"], attached(found)) == ("Successful", [a])


@pytest.mark.parametrize(
    "arn",
    [
        f"arn:aws:lambda:{REGION}:336392948345:layer:AWSSDKPandas-Python312:1",
        "arn:aws:lambda:::awslayer:AmazonLinux1703",
    ],
)
async def test_a_layer_of_awss_is_not_here_and_the_error_says_how_to_get_it(
    plane: Plane, arn: str
) -> None:
    error = await refused(plane("CreateFunction", **creation(Layers=[arn])), INVALID)
    assert error.message.startswith(f"Layer version {arn} is not on this server.")
    assert IMPORT.format(arn) in error.message


async def test_a_layer_of_another_region_is_refused_as_at_aws(plane: Plane) -> None:
    (arn,) = await publish(plane, "a", region="us-east-1")
    error = await refused(plane("CreateFunction", **creation(Layers=[arn])), INVALID)
    assert error.message.startswith(
        "Layers are not in the same region as the function. Layers are expected to be in region "
        f"{REGION}."
    )
    assert IMPORT.format(arn) in error.message


async def test_another_accounts_layer_is_denied_whether_or_not_it_exists(plane: Plane) -> None:
    (arn,) = await publish(plane, "a", account_id=STRANGER)
    for each in (arn, arn.replace(":a:", ":b:")):
        await refused(
            plane("CreateFunction", **creation(Layers=[each])),
            "AccessDeniedException",
            f"User: arn:aws:iam::{ACCOUNT}:root is not authorized to perform: "
            f"lambda:GetLayerVersion on resource: {each} because no resource-based policy allows "
            "the lambda:GetLayerVersion action",
        )


async def test_an_image_cannot_have_layers(plane: Plane) -> None:
    (arn,) = await publish(plane, "a")
    request = creation(Layers=[arn], PackageType="Image", Code={"ImageUri": "image"})
    await refused(plane("CreateFunction", **request), INVALID)

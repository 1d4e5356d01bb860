"""As a developer I share libraries and programs between functions by layers."""

from __future__ import annotations

import _socket
import sys
import urllib.request
import uuid
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from support.clients import ACCOUNT, REGION
from support.functions import DeployedFunction
from support.layers import publish_layer
from support.packages import make_zip
from support.sandboxes import on_both

MakeFunction = Callable[..., DeployedFunction]
pytestmark = pytest.mark.slow

SITE_PACKAGES = f"python/lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages"
LOOK = """
import sys
def handler(event, context):
    import lower, upper, both, own
    return [lower.OF, upper.OF, both.OF, own.OF, sys.path[:3]]
"""
LOWER = {
    "python/lower.py": "OF = 'lower'",
    "python/both.py": "OF = 'lower'",
    "python/own.py": "OF = 'lower'",
}
UPPER = {f"{SITE_PACKAGES}/upper.py": "OF = 'upper'", "python/both.py": "OF = 'upper'"}


@pytest.fixture
def name() -> str:
    """A layer's name that nobody else uses."""
    return f"layer-{uuid.uuid4().hex[:10]}"


# The control plane


def test_a_layer_is_published_found_listed_and_deleted(lambda_client: Any, name: str) -> None:
    # Given
    arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:layer:{name}"
    package = make_zip({"python/a.py": ""})
    # When
    published = lambda_client.publish_layer_version(
        LayerName=name,
        Content={"ZipFile": package},
        Description="d",
        LicenseInfo="MIT",
        CompatibleRuntimes=["python3.12"],
        CompatibleArchitectures=["x86_64"],
    )
    # Then
    assert published["ResponseMetadata"]["HTTPStatusCode"] == 201
    assert (published["Version"], published["LayerVersionArn"]) == (1, f"{arn}:1")
    found = lambda_client.get_layer_version(LayerName=arn, VersionNumber=1)
    by_arn = lambda_client.get_layer_version_by_arn(Arn=f"{arn}:1")
    for answer in (published, found, by_arn):
        del answer["ResponseMetadata"]
        link = answer["Content"].pop("Location")
        with urllib.request.urlopen(link) as response:
            assert response.read() == package
    assert published == found == by_arn

    # When another version follows
    assert publish_layer(lambda_client, {"b": ""}, name=name) == f"{arn}:2"
    # Then
    pages = lambda_client.get_paginator("list_layer_versions").paginate(
        LayerName=name, PaginationConfig={"PageSize": 1}
    )
    assert [[each["Version"] for each in page["LayerVersions"]] for page in pages] == [[2], [1]]
    only = lambda_client.list_layer_versions(LayerName=name, CompatibleArchitecture="x86_64")
    assert [each["Version"] for each in only["LayerVersions"]] == [1]
    assert only["LayerVersions"][0]["LicenseInfo"] == "MIT"
    assert latest(lambda_client, name) == 2
    assert latest(lambda_client, name, CompatibleRuntime="python3.12") == 1

    # When both are deleted, one of them twice
    for number in (2, 1, 1):
        answer = lambda_client.delete_layer_version(LayerName=name, VersionNumber=number)
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 204
    # Then
    with pytest.raises(lambda_client.exceptions.ResourceNotFoundException):
        lambda_client.get_layer_version(LayerName=name, VersionNumber=1)
    assert latest(lambda_client, name) is None
    assert publish_layer(lambda_client, {"c": ""}, name=name) == f"{arn}:3"


def latest(client: Any, name: str, **filters: str) -> int | None:
    """The version that ListLayers shows of a layer."""
    pages = client.get_paginator("list_layers").paginate(**filters)
    layers = {each["LayerName"]: each for page in pages for each in page["Layers"]}
    return layers[name]["LatestMatchingVersion"]["Version"] if name in layers else None


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ({"LayerName": "a b"}, "ValidationException"),
        ({"CompatibleRuntimes": ["haskell"]}, "ValidationException"),
        ({"CompatibleArchitectures": ["sparc"]}, "ValidationException"),
        ({"Content": {"ZipFile": b"no zip"}}, "InvalidParameterValueException"),
    ],
)
def test_what_cannot_be_published_is_refused(
    lambda_client: Any, name: str, request_: dict[str, Any], code: str
) -> None:
    plain = {"LayerName": name, "Content": {"ZipFile": make_zip({"a": ""})}}
    with pytest.raises(ClientError) as caught:
        lambda_client.publish_layer_version(**{**plain, **request_})
    assert caught.value.response["Error"]["Code"] == code


def test_a_layer_without_its_version_cannot_be_attached(
    make_function: MakeFunction, lambda_client: Any
) -> None:
    layer = publish_layer(lambda_client, {"a": ""}).rpartition(":")[0]
    with pytest.raises(ClientError) as caught:
        make_function("echo", Layers=[layer])
    assert caught.value.response["Error"]["Code"] == "ValidationException"
    with pytest.raises(ClientError, match=f"Layer version {layer}:9 does not exist"):
        make_function("echo", Layers=[f"{layer}:9"])


# What a function sees of them


@on_both
@pytest.mark.parametrize("variables", [{}, {"PYTHONOPTIMIZE": "0"}], ids=["forked", "spawned"])
def test_later_layers_overwrite_earlier_ones_and_the_code_comes_first(
    make_function: MakeFunction, lambda_client: Any, variables: dict[str, str]
) -> None:
    # Given
    layers = [publish_layer(lambda_client, files) for files in (LOWER, UPPER)]
    files = {"app.py": LOOK, "own.py": "OF = 'function'"}
    environment = {"Variables": variables}
    # When
    function = make_function(files=files, Layers=layers, Environment=environment)
    # Then
    assert [each["Arn"] for each in function.created["Layers"]] == layers
    assert function.call()[:4] == ["lower", "upper", "upper", "function"]
    # When they are turned around
    function.update_configuration(Layers=layers[::-1])
    # Then
    assert function.call()[:4] == ["lower", "upper", "lower", "function"]


def test_the_search_path_has_awss_order(make_function: MakeFunction, lambda_client: Any) -> None:
    layer = publish_layer(lambda_client, {**LOWER, **UPPER})
    function = make_function(source=LOOK, Layers=[layer])
    assert function.call()[4] == ["/var/task", f"/opt/{SITE_PACKAGES}", "/opt/python"]


@on_both
def test_programs_of_a_layer_are_on_the_path(
    make_function: MakeFunction, lambda_client: Any
) -> None:
    source = """
import subprocess
def handler(event, context):
    return subprocess.run(["greet-of-layer"], capture_output=True, text=True).stdout
"""
    files = {"bin/greet-of-layer": "#!/bin/sh\necho hello\n"}
    layer = publish_layer(lambda_client, files, programs=["bin/greet-of-layer"])
    assert make_function(source=source, Layers=[layer]).call() == "hello\n"


@on_both
def test_a_layer_can_bring_the_wrapper(make_function: MakeFunction, lambda_client: Any) -> None:
    source = "import os\ndef handler(event, context): return os.environ.get('WRAPPED')"
    wrapper = '#!/bin/sh\nexport WRAPPED=yes\nexec "$@"\n'
    layer = publish_layer(lambda_client, {"wrapper": wrapper}, programs=["wrapper"])
    environment = {"Variables": {"AWS_LAMBDA_EXEC_WRAPPER": "/opt/wrapper"}}
    assert make_function(source=source, Layers=[layer], Environment=environment).call() == "yes"


@pytest.mark.parametrize("variables", [{}, {"PYTHONOPTIMIZE": "0"}], ids=["forked", "spawned"])
def test_native_libraries_of_a_layer_are_found(
    make_function: MakeFunction, lambda_client: Any, variables: dict[str, str]
) -> None:
    """LD_LIBRARY_PATH has /opt/lib, and the loader must not think that it is absent."""
    library = Path(_socket.__file__).read_bytes()  # any shared object will do
    source = "import ctypes\ndef handler(e, c): return bool(ctypes.CDLL('liblayer.so'))"
    layer = publish_layer(lambda_client, {"lib/liblayer.so": library})
    function = make_function(source=source, Layers=[layer], Environment={"Variables": variables})
    assert function.call() is True


@on_both
def test_a_deleted_version_serves_whoever_has_it(
    make_function: MakeFunction, lambda_client: Any, name: str
) -> None:
    # Given
    layer = publish_layer(lambda_client, LOWER, name=name)
    source = "import lower\ndef handler(event, context): return lower.OF"
    function = make_function(source=source, Layers=[layer])
    # When
    lambda_client.delete_layer_version(LayerName=name, VersionNumber=1)
    # Then
    function.update_configuration(Description="a new environment")
    assert function.call() == "lower"
    assert [each["Arn"] for each in function.configuration()["Layers"]] == [layer]
    with pytest.raises(ClientError, match=f"Layer version {layer} does not exist"):
        make_function("echo", Layers=[layer])


@on_both
def test_a_function_that_loses_its_layers_has_none(
    make_function: MakeFunction, lambda_client: Any
) -> None:
    source = """
import importlib.util
def handler(event, context): return importlib.util.find_spec("lower") is not None
"""
    function = make_function(source=source, Layers=[publish_layer(lambda_client, LOWER)])
    assert function.call() is True
    function.update_configuration(Layers=[])
    assert function.call() is False


def test_layers_outlive_a_server_that_is_killed(
    start_server: Callable[..., Any], make_function: MakeFunction, client_for: Callable[..., Any]
) -> None:
    # Given
    server = start_server()
    layers = [publish_layer(client_for("lambda", server), files) for files in (LOWER, UPPER)]
    files = {"app.py": LOOK, "own.py": "OF = 'function'"}
    function = make_function(files=files, Layers=layers, on=server)
    # When
    server.kill()
    server.start()
    # Then
    again = replace(function, client=client_for("lambda", server))
    assert again.call()[:4] == ["lower", "upper", "upper", "function"]

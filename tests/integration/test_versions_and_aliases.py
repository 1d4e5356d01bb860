"""As a developer I publish versions, name them by aliases, and shift traffic between them."""

from __future__ import annotations

import json
import urllib.request
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from lambdad.testing.server import LocalServer
from support.clients import ACCOUNT, REGION
from support.functions import DeployedFunction
from support.packages import make_zip

MakeFunction = Callable[..., DeployedFunction]
pytestmark = pytest.mark.slow
WAIT = {"Delay": 0.05, "MaxAttempts": 400}


def saying(word: str) -> bytes:
    return make_zip(
        {
            "app.py": "import os\ndef handler(e, c):\n    return {"
            f"'word': {word!r}, 'version': c.function_version, 'arn': c.invoked_function_arn, "
            "'env': os.environ['AWS_LAMBDA_FUNCTION_VERSION']}"
        }
    )


@pytest.fixture
def published(make_function: MakeFunction) -> DeployedFunction:
    """A function whose version 1 says `one`, version 2 and `$LATEST` say `two`."""
    function = make_function(package=saying("one"))
    function.client.publish_version(FunctionName=function.name)
    function.update_code(saying("two"))
    function.client.publish_version(FunctionName=function.name)
    return function


def test_each_version_runs_its_own_code(published: DeployedFunction) -> None:
    for qualifier, word in (("1", "one"), ("2", "two"), ("$LATEST", "two")):
        answer = published.invoke(Qualifier=qualifier)
        assert answer.value == {
            "word": word,
            "version": qualifier,
            "env": qualifier,
            "arn": f"{published.arn}:{qualifier}",
        }
        assert answer.response["ExecutedVersion"] == qualifier
        assert f"START RequestId: {answer.request_id} Version: {qualifier}" in answer.tail


def test_an_update_of_latest_leaves_warm_versions_warm(published: DeployedFunction) -> None:
    assert published.invoke(Qualifier="1").is_cold
    published.update_code(saying("three"))
    assert not published.invoke(Qualifier="1").is_cold
    assert published.invoke().value["word"] == "three"


def test_an_alias_moves_traffic_by_its_weights(published: DeployedFunction) -> None:
    # Given
    client, name = published.client, published.name
    created = client.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    assert created["AliasArn"] == f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}:live"
    answer = published.invoke(FunctionName=f"{name}:live")
    assert (answer.value["word"], answer.value["arn"]) == ("one", created["AliasArn"])
    # When
    weights = {"AdditionalVersionWeights": {"2": 0.5}}
    client.update_alias(FunctionName=name, Name="live", RoutingConfig=weights)
    # Then
    words = Counter(published.invoke(Qualifier="live").value["word"] for _ in range(60))
    assert words.keys() == {"one", "two"}
    # And at the end all of it is on the new version
    client.update_alias(
        FunctionName=name,
        Name="live",
        FunctionVersion="2",
        RoutingConfig={"AdditionalVersionWeights": {}},
    )
    assert published.invoke(Qualifier="live").value["word"] == "two"


def test_moving_an_alias_under_load_loses_no_invocation(published: DeployedFunction) -> None:
    client, name = published.client, published.name
    client.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    words: list[str] = []

    def invoke_until_moved() -> None:
        while not words or words[-1] != "two":
            words.append(published.invoke(Qualifier="live").value["word"])

    with ThreadPoolExecutor(3) as threads:
        futures = [threads.submit(invoke_until_moved) for _ in range(3)]
        client.update_alias(FunctionName=name, Name="live", FunctionVersion="2")
        for future in futures:
            future.result()


def test_paginators_and_waiters_see_every_version(published: DeployedFunction) -> None:
    client, name = published.client, published.name
    client.get_waiter("published_version_active").wait(
        FunctionName=name, Qualifier="2", WaiterConfig=WAIT
    )
    pages = client.get_paginator("list_versions_by_function").paginate(
        FunctionName=name, PaginationConfig={"PageSize": 1}
    )
    assert [each["Version"] for page in pages for each in page["Versions"]] == ["$LATEST", "1", "2"]
    for alias in ("a", "b", "c"):
        client.create_alias(FunctionName=name, Name=alias, FunctionVersion="1")
    aliases = client.get_paginator("list_aliases").paginate(
        FunctionName=name, PaginationConfig={"PageSize": 2}
    )
    assert [each["Name"] for page in aliases for each in page["Aliases"]] == ["a", "b", "c"]
    client.delete_alias(FunctionName=name, Name="b")
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.get_alias(FunctionName=name, Name="b")


def test_versions_and_aliases_survive_kill_9(
    start_server: Callable[..., LocalServer], make_function: MakeFunction
) -> None:
    # Given
    server = start_server(sandbox="process")
    function = make_function(package=saying("one"), Publish=True, on=server)
    function.client.create_alias(FunctionName=function.name, Name="live", FunctionVersion="1")
    # When
    server.settings["port"] = int(server.url.rpartition(":")[2])
    server.kill()
    server.start()
    # Then
    assert function.invoke(Qualifier="live").value["word"] == "one"
    assert function.client.publish_version(FunctionName=function.name)["Version"] == "1"


# What tools call, in their order


def test_the_calls_of_a_cdk_hotswap(published: DeployedFunction) -> None:
    """New code, a wait, a new version, the alias moved."""
    client, name = published.client, published.name
    client.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    client.update_function_code(FunctionName=name, ZipFile=saying("hot"))
    client.get_waiter("function_updated_v2").wait(FunctionName=name, WaiterConfig=WAIT)
    version = client.publish_version(FunctionName=name)["Version"]
    client.update_alias(FunctionName=name, Name="live", FunctionVersion=version)
    assert published.invoke(Qualifier="live").value["word"] == "hot"


def test_the_calls_of_serverless_deploy_function_and_rollback(published: DeployedFunction) -> None:
    """The function's state looked at, code and configuration replaced; then an old version's code
    put back from its link."""
    client, name = published.client, published.name
    found = client.get_function(FunctionName=name)["Configuration"]
    assert (found["State"], found["LastUpdateStatus"]) == ("Active", "Successful")
    client.update_function_configuration(
        FunctionName=name, Timeout=6, Environment={"Variables": {"STAGE": "dev"}}
    )
    client.get_waiter("function_updated").wait(FunctionName=name, WaiterConfig=WAIT)
    client.update_function_code(FunctionName=name, ZipFile=saying("next"))
    client.get_waiter("function_updated").wait(FunctionName=name, WaiterConfig=WAIT)
    assert published.call()["word"] == "next"

    location = client.get_function(FunctionName=name, Qualifier="1")["Code"]["Location"]
    with urllib.request.urlopen(location) as package:
        client.update_function_code(FunctionName=name, ZipFile=package.read())
    client.get_waiter("function_updated").wait(FunctionName=name, WaiterConfig=WAIT)
    assert published.call()["word"] == "one"
    listed = client.list_versions_by_function(FunctionName=name)["Versions"]
    assert json.dumps([each["Version"] for each in listed]) == '["$LATEST", "1", "2"]'


def test_names_and_arns_mean_the_same_everywhere(published: DeployedFunction) -> None:
    client, name = published.client, published.name
    forms: list[dict[str, Any]] = [
        {"FunctionName": f"{name}:1"},
        {"FunctionName": name, "Qualifier": "1"},
        {"FunctionName": f"function:{name}:1"},
        {"FunctionName": f"{ACCOUNT}:function:{name}", "Qualifier": "1"},
        {"FunctionName": f"{published.arn}:1"},
        {"FunctionName": published.arn, "Qualifier": "1"},
    ]
    found = [client.get_function_configuration(**form) for form in forms]
    assert {each["FunctionArn"] for each in found} == {f"{published.arn}:1"}
    with pytest.raises(client.exceptions.InvalidParameterValueException, match="does not match"):
        client.get_function_configuration(FunctionName=f"{name}:1", Qualifier="2")

"""A function is the same however its process was started."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from urllib.request import urlopen

import pytest
from language import Language

from lambdad.testing.server import LocalServer
from support.functions import DeployedFunction
from support.waiting import wait_until

Deploy = Callable[..., DeployedFunction]
pytestmark = [pytest.mark.slow, pytest.mark.root]


@pytest.fixture(scope="session")
def dry_server(new_server: Callable[..., LocalServer]) -> Iterator[LocalServer]:
    """A server where nothing is made ahead."""
    server = new_server(pool_memory=0).start()
    yield server
    server.stop()


def assert_it_is_the_same(function: DeployedFunction, variables: dict[str, str]) -> None:
    cold = function.invoke({"do": "environment", "names": ["AWS_LAMBDA_FUNCTION_NAME", *variables]})
    assert cold.error is None, str(cold)
    assert cold.value == {"AWS_LAMBDA_FUNCTION_NAME": function.name, **variables}
    assert function.call({"do": "text", "text": "Zoë"})["length"] == 3
    assert function.call({"do": "clock"})["hour_offset"] == 0
    assert function.call({"do": "count"}) == 4


def test_the_runtimes_that_the_table_names_are_served(
    language: Language, namespaces_server: LocalServer
) -> None:
    with urlopen(f"{namespaces_server.url}/_lambdad/runtimes") as reply:
        runtimes = json.load(reply)["Runtimes"]
    served = {name for runtime in runtimes for name in runtime["Serves"]}
    assert set(re.split(", | to ", language.serves)) - served == set()


def test_one_that_waited_serves(deploy_in: Deploy, language: Language) -> None:
    assert_it_is_the_same(deploy_in(language), {})


def test_one_that_is_started_when_it_is_needed_serves(
    deploy_in: Deploy, language: Language, dry_server: LocalServer
) -> None:
    variables = {"NAME": "Zoë"}
    function = deploy_in(language, dry_server, Environment={"Variables": variables})
    assert_it_is_the_same(function, variables)


def test_one_with_a_variable_that_is_read_at_the_start_has_a_program_of_its_own(
    deploy_in: Deploy, language: Language
) -> None:
    variables = {"LC_ALL": "C.UTF-8"}
    function = deploy_in(language, Environment={"Variables": variables})
    assert_it_is_the_same(function, variables)


def test_provisioned_concurrency_has_it_started_ahead(
    deploy_in: Deploy, language: Language
) -> None:
    # Given
    function = deploy_in(language, Publish=True)
    wish = {"FunctionName": function.name, "Qualifier": "1"}
    function.client.put_provisioned_concurrency_config(**wish, ProvisionedConcurrentExecutions=1)
    wait_until(
        lambda: (
            function.client.get_provisioned_concurrency_config(**wish)["Status"] != "IN_PROGRESS"
        ),
        "it is provisioned",
    )
    # When
    event = {"do": "environment", "names": ["AWS_LAMBDA_INITIALIZATION_TYPE"]}
    answer = function.invoke(event, Qualifier="1")
    # Then
    assert answer.value == {"AWS_LAMBDA_INITIALIZATION_TYPE": "provisioned-concurrency"}
    assert not answer.is_cold

"""Nothing of one environment is in the memory, the files or the process table of another."""

from __future__ import annotations

import secrets
from collections.abc import Callable

import pytest

from support.functions import DeployedFunction
from support.probes import Probe
from support.sandboxes import ON_ISOLATED

MakeFunction = Callable[..., DeployedFunction]
Halves = tuple[str, str]

pytestmark = [*ON_ISOLATED, pytest.mark.slow]

FIND = ["find_in_memory", "find_in_fresh_memory", "find_in_proc"]


def make_secret() -> Halves:
    """In two halves: who looks for it must not hold it."""
    return secrets.token_hex(16), secrets.token_hex(16)


def secretive_function(make_function: MakeFunction) -> tuple[Probe, list[Halves]]:
    """A function whose memory, /tmp, variables and events are full of secrets; these secrets."""
    held, variable, event = (make_secret() for _ in range(3))
    function = make_function(
        "probe",
        MemorySize=512,
        Environment={"Variables": {"SECRET": "".join(variable)}},
    )
    probe = Probe(function)
    probe.ask("keep", halves=held)
    probe.ask("forget", words="".join(event))
    probe.ask("keep", halves=held)
    return probe, [held, variable, event]


def test_the_search_finds_what_is_there(make_function: MakeFunction) -> None:
    probe, (held, variable, _) = secretive_function(make_function)
    found = probe.ask("find_in_memory", halves=[held, variable, make_secret()])
    assert found == sorted((held[0], variable[0]))


@pytest.mark.parametrize("whose", ["neighbour", "stranger"])
def test_memory_of_an_environment_that_lives_is_in_no_other(
    make_function: MakeFunction, request: pytest.FixtureRequest, whose: str
) -> None:
    other: Probe = request.getfixturevalue(whose)
    other.ask("identity")
    _, hidden = secretive_function(make_function)
    for search in FIND:
        assert other.ask(search, halves=hidden) == [], search


@pytest.mark.parametrize("account", ["test", "999999999999"])
def test_memory_of_an_environment_that_has_ended_is_in_none_that_comes_after(
    make_function: MakeFunction, account: str
) -> None:
    # Given
    probe, hidden = secretive_function(make_function)
    probe.function.client.delete_function(FunctionName=probe.function.name)
    # When
    after = Probe(make_function("probe", MemorySize=1024, access_key_id=account))
    # Then
    for search in FIND:
        assert after.ask(search, halves=hidden) == [], search
    assert after.ask("residue") == []


def test_memory_of_a_run_that_crashed_is_not_in_the_next(make_function: MakeFunction) -> None:
    probe, (held, _, _) = secretive_function(make_function)
    assert probe.function.invoke({"probe": "crash"}).error
    for search in FIND:
        assert probe.ask(search, halves=[held]) == [], search

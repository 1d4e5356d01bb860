"""As an operator I lose nothing that was acknowledged, whatever is killed, and nothing lives on."""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Event, Thread
from typing import Any

import psutil
import pytest
from botocore.exceptions import BotoCoreError, ClientError

from lambdad.testing.server import LocalServer
from support.clients import ROLE
from support.functions import DeployedFunction
from support.packages import make_zip
from support.processes import (
    assert_nobody_is_left,
    cgroups_of,
    environments_of,
    node_of,
    processes_of,
    slot_of,
    zygotes_of,
)  # fmt: skip
from support.waiting import wait_until

MakeFunction = Callable[..., DeployedFunction]
StartServer = Callable[..., LocalServer]
pytestmark = [pytest.mark.slow, pytest.mark.root]

DEPLOYMENTS = 100
THREADS = 4


@pytest.fixture
def crash(running_servers: list[LocalServer]) -> Callable[[LocalServer], None]:
    """kill -9 of a server's launcher; one second later nobody may be left."""

    def crash(server: LocalServer) -> None:
        server.kill()
        others = [other for other in running_servers if other.is_running]
        assert_nobody_is_left(others, timeout=1.0)

    return crash


@pytest.fixture(scope="module")
def battered_server(
    new_server: StartServer, running_servers: list[LocalServer]
) -> Iterator[LocalServer]:
    """A server that the tests below share, since it is to survive what they do to it."""
    server = new_server().start()
    yield server
    server.close()
    running_servers.remove(server)


@pytest.fixture
def battered(battered_server: LocalServer, shown_servers: list[LocalServer]) -> LocalServer:
    """The same, with its log in the report of a failure."""
    shown_servers.append(battered_server)
    assert battered_server.is_running
    return battered_server


def is_well(server: LocalServer) -> bool:
    """Whether the server says so."""
    try:
        with urllib.request.urlopen(f"{server.url}/_lambdad/health", timeout=1) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


class Deployments:
    """Threads that deploy functions, each returning its own number, until the server dies."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._numbers = iter(range(DEPLOYMENTS))
        self.acknowledged: list[int] = []
        self._threads = [Thread(target=self._deploy) for _ in range(THREADS)]
        for thread in self._threads:
            thread.start()

    def join(self) -> None:
        for thread in self._threads:
            thread.join()

    def _deploy(self) -> None:
        for number in self._numbers:
            source = f"def handler(event, context): return {number}"
            try:
                self._client.create_function(
                    FunctionName=f"f{number}", Runtime="python3.11", Handler="app.handler",
                    Role=ROLE, Code={"ZipFile": make_zip({"app.py": source})},
                )  # fmt: skip
            except (ClientError, BotoCoreError):
                return
            self.acknowledged.append(number)


def test_every_acknowledged_deployment_survives_kill_9(
    start_server: StartServer,
    client_for: Callable[..., Any],
    crash: Callable[[LocalServer], None],
) -> None:
    # Given a hundred deployments under way
    server = start_server()
    deployments = Deployments(client_for("lambda", server))
    wait_until(lambda: len(deployments.acknowledged) >= DEPLOYMENTS // 3, "they succeed")
    # When
    crash(server)
    deployments.join()
    assert len(deployments.acknowledged) < DEPLOYMENTS, "the server was killed too late"
    # Then
    server.start()
    client = client_for("lambda", server)
    functions = {
        number: DeployedFunction(client, None, {"FunctionName": f"f{number}"})
        for number in deployments.acknowledged
    }
    for function in functions.values():
        assert function.wait_until_settled()["State"] == "Active"
    sample = [deployments.acknowledged[i] for i in (0, -1)] + deployments.acknowledged[::10]
    for number in sample:
        assert functions[number].call() == number


def test_acknowledged_updates_and_deletions_survive_kill_9(
    start_server: StartServer,
    client_for: Callable[..., Any],
    make_function: MakeFunction,
    crash: Callable[[LocalServer], None],
) -> None:
    # Given
    server = start_server()
    updated = make_function(source="def handler(e, c): return 'old'", on=server)
    deleted = make_function("echo", on=server)
    # When it is killed right after they were acknowledged
    new = make_zip({"app.py": "def handler(e, c): return 'new'"})
    deleted.client.delete_function(FunctionName=deleted.name)
    updated.client.update_function_code(FunctionName=updated.name, ZipFile=new)
    crash(server)
    server.start()
    # Then
    client = client_for("lambda", server)
    listed = client.list_functions()["Functions"]
    assert [function["FunctionName"] for function in listed] == [updated.name]
    again = DeployedFunction(client, None, updated.created)
    again.wait_until_updated()
    assert again.call() == "new"


def test_nothing_of_a_busy_server_outlives_its_launcher(
    start_server: StartServer, make_function: MakeFunction, crash: Callable[[LocalServer], None]
) -> None:
    # Given running and idle environments, and processes that those have started
    server = start_server()
    sleeping, idle = make_function("sleep", on=server), make_function("echo", on=server)
    spawning = make_function("spawn", on=server)
    idle.call()
    spawning.call({"processes": 3, "leave": True})
    spawning.call({"processes": 3, "orphan": True})
    slot = slot_of(server)
    assert slot is not None
    with ThreadPoolExecutor(2) as threads:
        running = [threads.submit(sleeping.invoke, {"seconds": 8}) for _ in range(2)]
        wait_until(lambda: len(environments_of(server)) >= 4, "all of them run")
        assert len(processes_of(server)) >= 10
        assert cgroups_of(slot)
        # When, Then
        crash(server)
        for future in running:
            with pytest.raises(BotoCoreError):
                future.result()
    # And the next server on this machine, which takes the slot, takes the cgroups away
    again = start_server()
    if slot_of(again) == slot:
        assert [
            path for path in cgroups_of(slot) if not path.name.startswith(f"lambdad-{slot}-")
        ] == []


def test_another_node_takes_over_when_the_node_is_killed(
    battered: LocalServer, make_function: MakeFunction, client_for: Callable[..., Any]
) -> None:
    # Given
    function = make_function("counter", on=battered)
    function.call()
    old_node, old_environments = node_of(battered), environments_of(battered)
    assert old_environments
    # When
    old_node.kill()
    # Then
    wait_until(lambda: not old_node.is_running(), "the node is gone")
    wait_until(lambda: is_well(battered), "another node serves")
    again = DeployedFunction(
        client_for("lambda", battered, attempts=2), function.logs, function.created
    )
    assert again.call()["count"] == 1
    assert node_of(battered).pid != old_node.pid
    wait_until(
        lambda: not any(process.is_running() for process in old_environments),
        "the environments of the old node end",
    )
    assert "starting it again" in battered.log


def test_invocations_of_a_killed_node_fail_and_do_not_hang(
    battered: LocalServer, make_function: MakeFunction
) -> None:
    function = make_function("sleep", on=battered)
    with ThreadPoolExecutor(1) as threads:
        running = threads.submit(function.invoke, {"seconds": 8})
        wait_until(function.starts, "it runs")
        node_of(battered).kill()
        with pytest.raises(BotoCoreError):
            running.result(timeout=5)


def test_a_node_that_dies_again_and_again_ends_the_server(start_server: StartServer) -> None:
    # Given
    server = start_server(sandbox="process")
    launcher = psutil.Process(server.pid)

    def kill_node() -> bool:
        for child in launcher.children() if server.is_running else []:
            with suppress(psutil.NoSuchProcess):  # a language says its version, and ends
                child.kill()
        return not server.is_running

    # When, Then
    wait_until(kill_node, "the server gives up")
    assert "giving up" in server.log


def test_a_killed_zygote_is_replaced(battered: LocalServer, make_function: MakeFunction) -> None:
    # Given one idle and one running environment
    function = make_function("sleep", on=battered)
    idle = make_function("counter", on=battered)
    idle.call()
    with ThreadPoolExecutor(1) as threads:
        running = threads.submit(function.invoke, {"seconds": 8})
        wait_until(function.starts, "it runs")
        # When
        (zygote,) = zygotes_of(battered)
        zygote.kill()
        # Then what ran has failed in AWS's words
        answer = running.result(timeout=5)
    assert answer.value["errorType"] == "Runtime.ExitError", str(answer)
    assert answer.value["errorMessage"].endswith("signal: killed")
    # And everything is served again
    assert function.invoke({"seconds": 0}).error is None
    assert idle.call()["count"] == 1
    assert [process.pid for process in zygotes_of(battered)] != [zygote.pid]


def test_log_lines_survive_kill_9_but_for_the_last_second(
    start_server: StartServer,
    make_function: MakeFunction,
    client_for: Callable[..., Any],
    crash: Callable[[LocalServer], None],
) -> None:
    # Given a function that logs all the time
    server = start_server()
    function = make_function(
        source="def handler(event, context): print(f'number {event}')", on=server
    )
    printed: list[float] = []  # when each number was there for good
    is_dead = Event()

    def log() -> None:
        while not is_dead.is_set():
            try:
                function.call(len(printed))
            except BotoCoreError:
                return
            printed.append(time.monotonic())

    thread = Thread(target=log)
    thread.start()
    wait_until(lambda: printed and printed[-1] - printed[0] > 1.5, "it logs for a while")
    # When
    killed = time.monotonic()
    crash(server)
    is_dead.set()
    thread.join()
    # Then
    server.start()
    again = DeployedFunction(None, client_for("logs", server), function.created)
    messages = [m for m in again.log_messages() if m.startswith("number ")]
    numbers = [int(message.split()[1]) for message in messages]
    assert numbers == list(range(len(numbers))), "what is left has no gaps"
    older = sum(moment < killed - 1 for moment in printed)
    assert older <= len(numbers)

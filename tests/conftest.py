"""Servers, clients wired to them, and `make_function`.

`server` is the server that a test talks to: the shared one with real isolation, unless the test
(or its file) is marked with `on_both` (`ON_BOTH`), or starts one of its own with `start_server`.
"""

from __future__ import annotations

import compileall
import os
import signal
import sys
import uuid
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError

sys.path.append(str(Path(__file__).parent))

import lambdad
from lambdad.testing.server import LocalServer
from support import runtime_trees
from support.cache import CACHE
from support.clients import REGION, ROLE, make_client
from support.functions import RUNTIME, DeployedFunction
from support.neighbours import Neighbours, make_neighbours, neighbour_server
from support.ordinary_user import OrdinaryUsersServer
from support.packages import make_zip, zoo_files
from support.processes import adopt_orphans, assert_nobody_is_left

_LOG_LINES_SHOWN = 100
_COSTLY_RUNTIMES = (RUNTIME, "java*", "dotnet*")  # which take seconds to be made
_DOTNET = CACHE / "dotnet/sdk"
if _DOTNET.is_dir():  # before any test looks for it
    os.environ.setdefault("DOTNET_ROOT", str(_DOTNET))

FUNCTIONS = pytest.StashKey[list[DeployedFunction]]()
SERVERS = pytest.StashKey[list[LocalServer]]()


def pytest_configure() -> None:
    """A shell in which tests run in the background has Ctrl-C ignored, in what they start too."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # A node may not write beside the code, and would compile it at each of a thousand starts.
    compileall.compile_dir(Path(lambdad.__file__).parent, quiet=2)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Without root, tests that need it are skipped; in CI they fail."""
    if item.get_closest_marker("root"):
        _require_root()


def _require_root() -> None:
    if sys.platform != "linux" or os.geteuid() != 0:
        reason = "namespaces and cgroups need root on Linux"
        if os.environ.get("CI"):
            pytest.fail(f"{reason}, and CI must have it")
        pytest.skip(reason)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failed test shows the logs of its functions and of its servers."""
    report = yield
    if report.when == "call" and report.failed:
        for function in item.stash.get(FUNCTIONS, []):
            report.sections.append((f"log of {function.name}", _log_of(function)))
        for server in item.stash.get(SERVERS, []):
            report.sections.append((f"log of the server at {server.data_dir}", server.log))
    return report


def _log_of(function: DeployedFunction) -> str:
    try:
        return "\n".join(function.log_messages()[-_LOG_LINES_SHOWN:])
    except Exception as error:  # the server may be what failed
        return f"(cannot be read: {error})"


# Servers


@pytest.fixture(scope="session")
def running_servers() -> Iterator[list[LocalServer]]:
    """Every server of this run that is not closed yet; at the end nobody may be left."""
    adopt_orphans()
    servers: list[LocalServer] = []
    yield servers
    for server in servers:
        server.close()
    assert_nobody_is_left(timeout=5)


@pytest.fixture(scope="session")
def new_server(
    running_servers: list[LocalServer], tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., LocalServer]:
    """Make a server that is not started yet, and that knows the runtimes of those before it."""
    seeds = tmp_path_factory.mktemp("runtimes")

    def new_server(
        data_dir: Path | None = None, *, rootless: bool = False, **settings: Any
    ) -> LocalServer:
        server: LocalServer
        if rootless:  # what an ordinary user has made is no runtime for root's servers
            server = OrdinaryUsersServer(data_dir, **settings)
        else:
            for other in running_servers:
                if not isinstance(other, OrdinaryUsersServer):
                    runtime_trees.harvest(other.data_dir, seeds, _COSTLY_RUNTIMES)
            server = LocalServer(data_dir, **settings)
            runtime_trees.plant(seeds, server.data_dir, _COSTLY_RUNTIMES)
        running_servers.append(server)
        return server

    return new_server


@pytest.fixture(scope="session")
def namespaces_server(new_server: Callable[..., LocalServer]) -> LocalServer:
    """The shared server with real isolation."""
    _require_root()
    return new_server().start()


@pytest.fixture(scope="session")
def rootless_server(new_server: Callable[..., LocalServer]) -> LocalServer:
    """The shared server that an ordinary user runs, with the isolation that is to be had so."""
    _require_root()
    return new_server(rootless=True).start()


@pytest.fixture(scope="session")
def process_server(new_server: Callable[..., LocalServer]) -> LocalServer:
    """The shared server without isolation."""
    return new_server(sandbox="process").start()


@pytest.fixture
def shown_servers(request: pytest.FixtureRequest) -> list[LocalServer]:
    """The servers whose logs the report of a failure shows."""
    return request.node.stash.setdefault(SERVERS, [])


@pytest.fixture
def server(request: pytest.FixtureRequest, shown_servers: list[LocalServer]) -> LocalServer:
    """The server under test."""
    kind = getattr(request, "param", "namespaces")
    server: LocalServer = request.getfixturevalue(f"{kind}_server")
    shown_servers.append(server)
    return server


@pytest.fixture
def start_server(
    new_server: Callable[..., LocalServer],
    running_servers: list[LocalServer],
    shown_servers: list[LocalServer],
) -> Iterator[Callable[..., LocalServer]]:
    """Start a server for this test alone; it may be stopped, killed and started again."""
    started: list[LocalServer] = []

    def start(data_dir: Path | None = None, **settings: Any) -> LocalServer:
        if settings.get("sandbox") != "process":
            _require_root()
        server = new_server(data_dir, **settings)
        started.append(server)
        shown_servers.append(server)
        return server.start()

    yield start
    for server in started:
        server.close()
        running_servers.remove(server)


# Clients


@pytest.fixture(scope="session")
def client_for() -> Iterator[Callable[..., Any]]:
    """Clients by service, endpoint and identity; made once, closed at the end."""
    clients: dict[tuple[Any, ...], Any] = {}

    def client_for(service: str, server: LocalServer, **identity: Any) -> Any:
        key = (service, server.url, *sorted(identity.items()))
        if key not in clients:
            clients[key] = make_client(service, server.url, **identity)
        return clients[key]

    yield client_for
    for client in clients.values():
        client.close()


@pytest.fixture
def lambda_client(client_for: Callable[..., Any], server: LocalServer) -> Any:
    """Lambda at the server under test."""
    return client_for("lambda", server)


@pytest.fixture
def sts_client(client_for: Callable[..., Any], server: LocalServer) -> Any:
    """STS at the server under test."""
    return client_for("sts", server)


@pytest.fixture
def logs_client(client_for: Callable[..., Any], server: LocalServer) -> Any:
    """CloudWatch Logs at the server under test."""
    return client_for("logs", server)


# Services beside it


@pytest.fixture(scope="module")
def neighbour_url() -> Iterator[str]:
    """SQS, SNS, EventBridge and S3, for the tests of a file; it ends with them, as no stranger may
    be among a server's processes."""
    with neighbour_server() as url:
        yield url


@pytest.fixture
def neighbours(neighbour_url: str) -> Iterator[Neighbours]:
    """A queue, a topic, a bus and a bucket that nobody else sends to:

    start_server(endpoints=neighbours.setting)
    """
    with make_neighbours(neighbour_url) as neighbours:
        yield neighbours


# Functions

MakeFunction = Callable[..., DeployedFunction]


@pytest.fixture(scope="session")
def deploy(client_for: Callable[..., Any]) -> MakeFunction:
    """Deploy a function to a server and wait until it is Active; see `make_function`."""

    def deploy(
        server: LocalServer,
        zoo: str | None = None,
        *,
        source: str | None = None,
        files: dict[str, str | bytes] | None = None,
        package: bytes | None = None,
        access_key_id: str = "test",
        region: str = REGION,
        wait: bool = True,
        **settings: Any,
    ) -> DeployedFunction:
        content: Any = zoo_files(zoo) if zoo else files or {"app.py": source or ""}
        identity = {"access_key_id": access_key_id, "region": region}
        client = client_for("lambda", server, **identity)
        parameters = {
            "FunctionName": f"{zoo or 'function'}-{uuid.uuid4().hex[:10]}",
            "Runtime": RUNTIME,
            "Handler": "app.handler",
            "Role": ROLE,
            "Code": {"ZipFile": package or make_zip(content)},
            "MemorySize": 512,
            "Timeout": 10,
            **settings,
        }
        created = client.create_function(**parameters)
        function = DeployedFunction(client, client_for("logs", server, **identity), created)
        if wait:
            settled = function.wait_until_settled()
            assert settled["State"] == "Active", settled
        return function

    return deploy


@pytest.fixture
def make_function(request: pytest.FixtureRequest, deploy: MakeFunction) -> Iterator[MakeFunction]:
    """Deploy a function and wait until it is Active; it is deleted after the test.

    make_function("echo")                            a member of the zoo
    make_function(source="def handler(e, c): …")     a module `app`
    make_function(files={"app.py": …, …})            any files
    make_function(package=b"PK…")                    a zip
    make_function("echo", on=…, access_key_id=…, region=…, wait=False, Timeout=1, …)
    """
    made: list[DeployedFunction] = request.node.stash.setdefault(FUNCTIONS, [])

    def make(*zoo: str, on: LocalServer | None = None, **settings: Any) -> DeployedFunction:
        made.append(deploy(on or request.getfixturevalue("server"), *zoo, **settings))
        return made[-1]

    yield make
    for function in made:
        _delete(function)


def _delete(function: DeployedFunction) -> None:
    try:
        function.client.delete_function(FunctionName=function.name)
    except (ClientError, BotoCoreError):
        pass  # the test has deleted it, or has ended its server

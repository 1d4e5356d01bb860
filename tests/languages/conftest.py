"""One suite, written once and run for every language: each has the same function, that does what
its event says (`{"do": …}`, tests/functions/<language>).

A test that asks for `language` runs for all of them. Functions are deployed once a language and
shared, so a test leaves them as they are.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest

sys.path.append(str(Path(__file__).parent))
sys.path.append(str(Path(__file__).parents[1] / "unit/runtimes/dotnet"))  # the compiler of C#

from language import LANGUAGES, Language
from table import Table

from lambdad.testing.server import LocalServer
from support import runtime_trees
from support.functions import DeployedFunction
from support.layers import publish_layer
from support.ordinary_user import OrdinaryUsersServer

Deploy = Callable[..., DeployedFunction]
NAME = "Zoë"  # a variable of the function's own
TABLE = pytest.StashKey[Table]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """What a language cannot do is told in the table of languages."""
    report = yield
    if isinstance(item, pytest.Function) and hasattr(item, "callspec"):
        language = item.callspec.params.get("language")
        if isinstance(language, Language):
            item.config.stash.setdefault(TABLE, Table()).add(language, item.path, report, call)
    return report


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    if os.environ.get("WRITE_LANGUAGES") and exitstatus == pytest.ExitCode.OK:
        session.config.stash.setdefault(TABLE, Table()).write()


@pytest.fixture(scope="session", params=LANGUAGES, ids=lambda language: language.id)
def language(request: pytest.FixtureRequest) -> Language:
    """The language under test; in CI all of them have to be there."""
    language: Language = request.param
    if reason := language.find():
        pytest.fail(f"{reason}, and CI must have it") if os.environ.get("CI") else None
        pytest.skip(reason)
    return language


@pytest.fixture(scope="session")
def deploy_in(deploy: Deploy, namespaces_server: LocalServer) -> Deploy:
    """Deploy the function of a language, on the shared server with real isolation unless another
    one is named, which need not make its runtime again."""

    def deploy_in(
        language: Language, server: LocalServer = namespaces_server, **settings: Any
    ) -> DeployedFunction:
        if server is not namespaces_server and not isinstance(server, OrdinaryUsersServer):
            made = namespaces_server.data_dir / "runtimes"
            runtime_trees.plant(made, server.data_dir, [f"{language.id}*"])
        return deploy(server, **language.settings(**settings))

    return deploy_in


@pytest.fixture(scope="session")
def function(language: Language, deploy_in: Deploy) -> DeployedFunction:
    """The function, with a variable of its own and 512 MB."""
    return deploy_in(language, Environment={"Variables": {"NAME": NAME}})


@pytest.fixture(scope="session")
def brief_function(language: Language, deploy_in: Deploy) -> DeployedFunction:
    """One that may take two seconds."""
    return deploy_in(language, Timeout=2)


@pytest.fixture(scope="session")
def structured_function(language: Language, deploy_in: Deploy) -> DeployedFunction:
    """One that logs JSON from WARN on."""
    logging = {"LogFormat": "JSON", "ApplicationLogLevel": "WARN"}
    return deploy_in(language, LoggingConfig=logging)


@pytest.fixture(scope="session")
def travelled_function(
    language: Language, deploy_in: Deploy, namespaces_server: LocalServer, client_for: Deploy
) -> DeployedFunction:
    """One that lives in India, and has a layer."""
    client = client_for("lambda", namespaces_server)
    files = language.layer() or {"nothing": ""}
    return deploy_in(
        language,
        Environment={"Variables": {"TZ": "Asia/Kolkata"}},
        Layers=[publish_layer(client, files)],
    )

"""However an environment came to be, the same attacks fail: forked, taken from the pool, started as
a program of its own, by the function's own bootstrap, as a program of another language that has
waited, or by a fork of such a program, waiting or not; in its first run, and in the next one after
a crash."""

from __future__ import annotations

import functools
import itertools
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

import lambdad
from lambdad.launcher.languages import ruby
from lambdad.testing.server import LocalServer
from support.functions import DeployedFunction
from support.packages import make_zip, zoo_files
from support.probes import Probe
from support.processes import environment_of, environments_of, sandboxes_of
from support.waiting import wait_until

sys.path.append(str(Path(__file__).parents[1] / "unit/runtimes/dotnet"))
from csharp import SDK, compile_function

Sweep = dict[str, Any]

KINDS = ["namespaces", "rootless"]
STARTS = ["pool", "fork", "spawn", "bootstrap", "standby", "forked Ruby", "waiting Ruby"]
FROM_THE_POOL = ("pool", "bootstrap", "standby", "waiting Ruby")
DRY = ("fork", "forked Ruby")
IN_PYTHON = ("pool", "fork")
# A process of another language becomes the probe, with all that it has.
STANDBY = Path(__file__).with_name("Takeover.cs")
IN_RUBY = "exec('/usr/bin/python3', '/var/task/runtime/bootstrap.py')\n"
PYTHON_RUNTIME = Path(lambdad.__file__).parent / "runtimes/python"
BOOTSTRAP = "#!/bin/sh\nexec /usr/bin/python3 /var/task/runtime/bootstrap.py\n"
RUNS = ["first run", "after a crash"]
pytestmark = [
    pytest.mark.root,
    pytest.mark.slow,
    pytest.mark.parametrize(
        "sweep", list(itertools.product(KINDS, STARTS, RUNS)), indirect=True, ids="-".join
    ),
]

REFUSED = {"EPERM", "ENOSYS"}
NOT_WRITABLE = {"EROFS", "EACCES", "EPERM", "ENOENT"}
CLOSED = {"covered", "ENOENT", "EACCES", "EPERM"}


@dataclass(frozen=True)
class Attacker:
    """A probe that is started in one of the ways, and swept before and after a crash."""

    server: LocalServer
    start: str
    probe: Probe

    def sweep(self) -> dict[str, Sweep]:
        waiting = {process.pid for process in sandboxes_of(self.server)}
        first = self.probe.ask("sweep")
        process = environment_of(self.server, first["pid_namespace"])
        assert (process.pid in waiting) == (self.start in FROM_THE_POOL)
        is_program = self.start not in IN_PYTHON
        assert _is_program(process) == is_program, process.cmdline()
        crashed = self.probe.function.invoke({"probe": "crash"})
        assert crashed.value["errorType"] == "Runtime.ExitError"
        again = self.probe.ask("sweep")
        assert again["uid"] == first["uid"], "it is another environment"
        assert again["pid_namespace"] != first["pid_namespace"]
        return dict(zip(RUNS, (first, again), strict=True))


def _is_program(process: psutil.Process) -> bool:
    return any(word.endswith("bootstrap.py") for word in process.cmdline())


@pytest.fixture(scope="module")
def find_server(
    request: pytest.FixtureRequest,
    new_server: Callable[..., LocalServer],
    running_servers: list[LocalServer],
) -> Iterator[Callable[[str, str], LocalServer]]:
    """A server by its kind and how it starts environments: the shared one, or one whose pool is
    always dry."""
    dry: dict[str, LocalServer] = {}

    def find_server(kind: str, start: str) -> LocalServer:
        if start not in DRY:
            shared: LocalServer = request.getfixturevalue(f"{kind}_server")
            return shared
        if kind not in dry:
            dry[kind] = new_server(rootless=kind == "rootless", pool_memory=0).start()
        return dry[kind]

    yield find_server
    for server in dry.values():
        server.close()
        running_servers.remove(server)


@pytest.fixture(scope="module")
def find_sweep(
    find_server: Callable[[str, str], LocalServer], deploy: Callable[..., DeployedFunction]
) -> Callable[[str, str, str], Sweep]:
    """What was found in an environment of this kind that started so, in this run."""
    found: dict[tuple[str, str], dict[str, Sweep]] = {}

    def find_sweep(kind: str, start: str, run: str) -> Sweep:
        if (kind, start) not in found:
            server = find_server(kind, start)
            variables = {"PYTHONOPTIMIZE": "1"} if start == "spawn" else {}
            settings: dict[str, Any] = {"MemorySize": 1769, "Environment": {"Variables": variables}}
            if start == "bootstrap":
                files = {**files_with_runtime(), "bootstrap": BOOTSTRAP}
                settings["package"] = make_zip(files, ["bootstrap"])
                settings["Runtime"] = "provided.al2023"
            if start == "standby":
                settings.update(package=make_zip({**files_with_runtime(), **dotnet_files()}))
                settings.update(Runtime="dotnet8", Handler="Takeover::Takeover::Handle")
            if start.endswith("Ruby"):
                if not any(map(ruby.can_fork, ruby.find())):
                    pytest.skip("this needs a Ruby that forks")
                files = {**files_with_runtime(), "app.rb": IN_RUBY}
                settings.update(package=make_zip(files), Runtime="ruby3.3")
            if start in FROM_THE_POOL:
                wait_for_the_pool(server, Probe(deploy(server, "probe", **settings)))
            probe = Probe(deploy(server, "probe", **settings))
            found[kind, start] = Attacker(server, start, probe).sweep()
        return found[kind, start][run]

    return find_sweep


def files_with_runtime() -> dict[str, str]:
    """The probe, and what a sandbox of another language lacks to run it."""
    if not os.path.exists("/usr/bin/python3"):
        pytest.skip("this needs a Python in /usr/bin")
    own = {
        f"runtime/{path.relative_to(PYTHON_RUNTIME)}": path.read_text()
        for path in PYTHON_RUNTIME.rglob("*.py")
    }
    return {**zoo_files("probe"), **own}


@functools.cache
def dotnet_files() -> dict[str, bytes]:
    """The program that becomes the probe."""
    if SDK is None:
        pytest.skip("this needs .NET")
    with tempfile.TemporaryDirectory() as directory:
        package = compile_function([STANDBY], "Takeover", Path(directory))
        return {path.name: path.read_bytes() for path in package.glob("*.dll")}


def wait_for_the_pool(server: LocalServer, sibling: Probe) -> None:
    """Until an environment waits for the account of `sibling`."""
    zygote = environment_of(server, sibling.ask("namespaces")["pid"]).parent()
    assert zygote is not None
    wait_until(
        lambda: set(zygote.children()) - set(environments_of(server)), "an environment waits"
    )


@pytest.fixture
def sweep(request: pytest.FixtureRequest, find_sweep: Callable[..., Sweep]) -> Sweep:
    """What the attacks of one run found."""
    return find_sweep(*request.param)


def unexpected(found: dict[str, str], expected: set[str]) -> dict[str, str]:
    """The attacks that did not end as they must."""
    return {attack: end for attack, end in found.items() if end not in expected}


def test_system_calls_that_lead_out_are_refused(sweep: Sweep) -> None:
    assert len(sweep["calls"]) > 30
    assert unexpected(sweep["calls"], REFUSED) == {}


def test_other_ways_out_are_refused(sweep: Sweep) -> None:
    refused = {*REFUSED, "EACCES", "EAFNOSUPPORT", "ENOENT", "ESRCH", "EINVAL", "ValueError"}
    assert unexpected(sweep["others"], refused) == {}
    assert sweep["others"]["other network"] == "EPERM"


def test_nothing_but_tmp_can_be_written(sweep: Sweep) -> None:
    assert unexpected(sweep["writes"], NOT_WRITABLE) == {}


def test_what_shows_or_steers_the_machine_is_closed(sweep: Sweep) -> None:
    assert unexpected(sweep["closed"], CLOSED) == {}
    assert sweep["present"] == []


def test_there_is_no_privilege_and_none_to_be_had(sweep: Sweep) -> None:
    assert {int(mask, 16) for mask in sweep["capabilities"].values()} == {0}
    assert set(sweep["capabilities"]) == {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"}
    assert (sweep["no_new_privs"], sweep["seccomp"]) == ("1", "2")
    assert sweep["groups"] == []


def test_no_descriptor_is_open_but_standard_ones_and_the_runtimes_socket(sweep: Sweep) -> None:
    descriptors = dict(sweep["descriptors"])
    told = descriptors.pop("0")  # one that waited was told its variables there
    assert told == "/dev/null" or told.startswith("pipe:")
    assert descriptors.pop("1").startswith("pipe:")
    assert descriptors.pop("2").startswith("pipe:")
    others = {target for target in descriptors.values() if not target.startswith("socket:")}
    assert others <= {"/dev/urandom"}  # which .NET opens for good
    assert sweep["ports"] == [9001]


def test_only_its_own_processes_and_loopback_are_there(sweep: Sweep) -> None:
    assert (sweep["pids"], sweep["pid"]) == ([1], 1)
    assert sweep["interfaces"] == ["lo"]


def test_root_and_code_are_mounted_read_only_without_devices_and_set_user_id(
    sweep: Sweep,
) -> None:
    options = {line.split()[4]: set(line.split()[5].split(",")) for line in sweep["mounts"]}
    options.setdefault("/var/runtime", options["/"])  # there is none for a bootstrap
    for target in ("/", "/var/task", "/var/runtime", "/run/network"):
        assert {"ro", "nosuid", "nodev"} <= options[target], target
    assert {"rw", "nosuid", "nodev"} <= options["/tmp"]
    for target in ("/proc/sys", "/proc/irq", "/proc/bus", "/proc/fs"):
        assert "ro" in options.get(target, {"ro"}), target
    assert "/proc/sys" in options


def test_the_limits_of_processes_are_set(sweep: Sweep) -> None:
    assert sweep["limits"] == {"RLIMIT_NOFILE": [1024, 1024], "RLIMIT_CORE": [0, 0]}

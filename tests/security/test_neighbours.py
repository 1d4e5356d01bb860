"""Two environments cannot see, reach or guess each other, and a function has no network."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable
from typing import Any

import psutil
import pytest

from lambdad.launcher.languages import ruby
from lambdad.testing.server import LocalServer
from support.functions import DeployedFunction
from support.open_files import shared_files
from support.probes import Probe
from support.processes import environment_of, environments_of, zygotes_of
from support.sandboxes import ON_ISOLATED

MakeFunction = Callable[..., DeployedFunction]
pytestmark = [*ON_ISOLATED, pytest.mark.slow]

# Serves on event["port"] and on an abstract Unix socket, for as long as the environment lives.
LISTENER = """
import os, socket, threading
def serve(listener):
    while True:
        connection, _ = listener.accept()
        connection.sendall(b"secret")
        connection.close()
def handler(event, context):
    tcp = socket.create_server(("127.0.0.1", event["port"]))
    unix = socket.socket(socket.AF_UNIX)
    unix.bind("\\0" + event["name"])
    unix.listen()
    for listener in (tcp, unix):
        threading.Thread(target=serve, args=(listener,), daemon=True).start()
    with socket.create_connection(("127.0.0.1", event["port"])) as client:
        return client.recv(100).decode()
"""


def test_a_function_sees_only_its_own_processes(probe: Probe, neighbour: Probe) -> None:
    neighbour.ask("identity")
    for each in (probe, neighbour):
        assert list(each.ask("processes")) == [str(each.ask("identity")["pid"])]


def test_a_function_cannot_signal_what_it_cannot_see(probe: Probe) -> None:
    for pid in (2, psutil.Process().pid, probe.ask("identity")["pid"] + 1):
        assert probe.errno_of("kill", pid=pid, number=0) == errno.ESRCH


def test_tmp_of_one_is_not_tmp_of_another(probe: Probe, neighbour: Probe, stranger: Probe) -> None:
    probe.ask("fill", path="/tmp/mine", mb=1)
    assert "/tmp/mine" in probe.ask("residue")
    for other in (neighbour, stranger):
        assert "/tmp/mine" not in other.ask("residue")


def test_namespaces_are_not_shared(
    probe: Probe, neighbour: Probe, stranger: Probe, server: LocalServer
) -> None:
    # Given
    for each in (probe, neighbour, stranger):
        each.ask("identity")
    environments = environments_of(server)
    assert len(environments) >= 3
    pids = [process.pid for process in (*environments, psutil.Process())]
    # Then no two of them share one, and none of them and the host
    for kind in ("mnt", "pid", "net", "ipc", "uts", "cgroup"):
        assert len({os.readlink(f"/proc/{pid}/ns/{kind}") for pid in pids}) == len(pids), kind


def test_a_listener_on_loopback_is_reached_by_nobody_else(
    make_function: MakeFunction, neighbour: Probe
) -> None:
    # Given
    listening = make_function(source=LISTENER)
    assert listening.call({"port": 18080, "name": "abstract"}) == "secret"
    # Then
    assert neighbour.errno_of("connect", host="127.0.0.1", port=18080) == errno.ECONNREFUSED
    assert neighbour.errno_of("connect_local", path="@abstract") == errno.ECONNREFUSED
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", 18080), 1)


def test_there_is_no_network_but_loopback(probe: Probe, server: LocalServer) -> None:
    assert probe.ask("interfaces") == ["lo"]
    own_port = int(server.url.rpartition(":")[2])
    for host, port in (("192.0.2.1", 80), ("1.1.1.1", 53), ("169.254.169.254", 80)):
        refused = probe.errno_of("connect", host=host, port=port)
        assert refused in (errno.ENETUNREACH, errno.EHOSTUNREACH)
    assert probe.errno_of("connect", host="127.0.0.1", port=own_port) == errno.ECONNREFUSED


def test_a_host_service_on_loopback_is_not_reached(probe: Probe) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        assert probe.errno_of("connect", host="127.0.0.1", port=port) == errno.ECONNREFUSED


def test_the_machines_name_is_not_told(probe: Probe) -> None:
    assert probe.ask("identity")["hostname"] != socket.gethostname()


def test_credentials_of_a_neighbour_are_of_no_use(
    make_function: MakeFunction, probe: Probe
) -> None:
    # Given what a neighbour has lost
    lost = make_function("env").call()["now"]
    keys = {
        "aws_access_key_id": lost["AWS_ACCESS_KEY_ID"],
        "aws_secret_access_key": lost["AWS_SECRET_ACCESS_KEY"],
        "aws_session_token": lost["AWS_SESSION_TOKEN"],
    }
    # When
    found = probe.ask("aws", service="lambda", operation="list_functions", credentials=keys)
    # Then
    assert found["error"]["Code"] == "UnrecognizedClientException"
    assert found["status"] == 403


@pytest.mark.parametrize("account", ["123456789012", "000000000000", "test"])
def test_signing_as_another_account_is_refused(stranger: Probe, account: str) -> None:
    keys = {"aws_access_key_id": account, "aws_secret_access_key": "x"}
    found = stranger.ask("aws", service="lambda", operation="list_functions", credentials=keys)
    assert found["error"]["Code"] == "UnrecognizedClientException"
    assert found["status"] == 403


def test_an_unsigned_request_is_the_environments(stranger: Probe) -> None:
    url = "http://127.0.0.1:4566/2015-03-31/functions"
    answer = stranger.ask("fetch", url=url)
    assert answer["status"] == 200
    assert ":999999999999:function:" in answer["body"]
    assert ":000000000000:function:" not in answer["body"]


def test_a_function_of_another_account_cannot_be_reached_by_its_arn(
    stranger: Probe, probe: Probe
) -> None:
    found = stranger.ask(
        "aws", service="lambda", operation="get_function",
        parameters={"FunctionName": probe.function.arn},
    )  # fmt: skip
    assert found["status"] in (403, 404)


def test_the_runtime_api_knows_only_its_own_invocation(probe: Probe) -> None:
    base = "http://127.0.0.1:9001/2018-06-01/runtime"
    other = "00000000-0000-0000-0000-000000000000"
    answer = probe.ask(
        "fetch", url=f"{base}/invocation/{other}/response", method="POST", body="stolen"
    )
    assert answer["status"] == 400
    assert "InvalidRequestID" in answer["body"]
    answer = probe.ask("fetch", url=f"{base}/init/error", method="POST", body="{}")
    assert answer["status"] == 403


FORKED: dict[str, dict[str, Any]] = {
    "python": {
        "source": "import os\ndef handler(e, c):\n    return os.readlink('/proc/self/ns/pid')\n"
    },
    "ruby": {
        "files": {"app.rb": "def handler(**)\n  File.readlink('/proc/self/ns/pid')\nend\n"},
        "Runtime": "ruby3.3",
    },
}


@pytest.mark.parametrize("settings", FORKED.values(), ids=FORKED)
def test_no_open_file_is_that_of_a_neighbour_or_of_the_zygote(
    make_function: MakeFunction, server: LocalServer, settings: dict[str, Any]
) -> None:
    if "Runtime" in settings and not any(map(ruby.can_fork, ruby.find())):
        pytest.skip("this needs a Ruby that forks")
    one, other = (environment_of(server, make_function(**settings).call()) for _ in range(2))
    assert one.ppid() == other.ppid()
    assert shared_files(one.pid, other.pid) == []
    assert shared_files(one.pid, one.ppid()) == []


RANDOM = """
import random, secrets, uuid, ssl, os, tempfile
def handler(event, context):
    return {
        "random": random.random(), "uuid4": str(uuid.uuid4()), "uuid1": str(uuid.uuid1()),
        "secrets": secrets.token_hex(8), "ssl": ssl.RAND_bytes(8).hex(),
        "urandom": os.urandom(8).hex(), "temporary": tempfile.mktemp(),
        "sample": random.sample(range(10**9), 3), "system": random.SystemRandom().random(),
    }
"""


RANDOM_IN_RUBY = """
require 'openssl'
require 'securerandom'
def handler(event:, context:)
  {
    rand: rand, integer: Random.rand(2**64), own: Random.new.rand, seed: Random.new_seed,
    shuffled: (1..99).to_a.shuffle, sample: (1..99_999).to_a.sample(9), uuid: SecureRandom.uuid,
    secure: SecureRandom.hex, openssl: OpenSSL::Random.random_bytes(8).unpack1('H*')
  }
end
"""
DRAWING: dict[str, dict[str, Any]] = {
    "python": {"files": {"app.py": RANDOM}},
    "ruby": {"files": {"app.rb": RANDOM_IN_RUBY}, "Runtime": "ruby3.3"},
}


@pytest.mark.parametrize("settings", DRAWING.values(), ids=DRAWING)
def test_random_numbers_differ_between_environments_of_one_zygote(
    make_function: MakeFunction, settings: dict[str, Any]
) -> None:
    if "Runtime" in settings and not ruby.find():
        pytest.skip("this needs Ruby")
    first, *others = (make_function(**settings).call() for _ in range(3))
    assert [
        source for source in first if len({str(drawn[source]) for drawn in (first, *others)}) != 3
    ] == []


def test_accounts_have_zygotes_of_their_own(
    probe: Probe, stranger: Probe, server: LocalServer
) -> None:
    mine, theirs = (
        environment_of(server, each.ask("namespaces")["pid"]).ppid() for each in (probe, stranger)
    )
    assert mine != theirs
    assert {mine, theirs} <= {zygote.pid for zygote in zygotes_of(server)}


def test_a_new_environment_has_nothing_left_over(make_function: MakeFunction) -> None:
    # Given an environment that leaves files and processes behind, and crashes
    source = """
import os, subprocess
def handler(event, context):
    found = os.listdir("/tmp"), [name for name in os.listdir("/proc") if name.isdigit()]
    open("/tmp/left", "w").close()
    if os.fork() == 0:
        import time; time.sleep(60)
    os._exit(1) if event else None
    return found
"""
    function = make_function(source=source)
    assert function.invoke("crash").error
    # When it is reset, its processes are gone
    files, processes = function.call()
    assert (files, len(processes)) == (["left"], 1)
    # And when it ends, the next one starts clean
    function.client.update_function_configuration(FunctionName=function.name, Description="new")
    function.client.get_waiter("function_updated_v2").wait(FunctionName=function.name)
    files, processes = function.call()
    assert (files, len(processes)) == ([], 1)


@pytest.mark.parametrize("name", ["\xff\xfe\xff", ") R 1 (", "\n) S\n", "%s%n\x1b[2J"], ids=ascii)
def test_the_name_of_a_process_misleads_nobody(
    make_function: MakeFunction, neighbour: Probe, name: str
) -> None:
    # Given an environment that is about to be frozen, whose processes bear this name
    pid_namespace = neighbour.ask("namespaces")["pid"]
    namer = Probe(make_function("probe"))
    # When
    namer.ask("rename", name=name)
    make_function("echo").call()
    # Then
    assert neighbour.ask("namespaces")["pid"] == pid_namespace
    assert namer.ask("identity")["pid"] == 1

"""As a developer whose client insists on https I have it on the same port, with a certificate that
one command makes."""

from __future__ import annotations

import json
import os
import socket
import ssl
import stat
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest
from botocore.config import Config
from botocore.exceptions import SSLError
from botocore.session import Session

from lambdad.testing.server import LocalServer, ServerNotReady
from support.clients import ENVIRONMENT, REGION
from support.functions import DeployedFunction
from support.processes import node_of, processes_of
from support.waiting import wait_until

MakeFunction = Callable[..., DeployedFunction]
pytestmark = [pytest.mark.slow, pytest.mark.root]
BIN = Path(sys.executable).parent


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory that `lambdad certificate` wrote; nobody but its owner may enter it."""
    directory = tmp_path_factory.mktemp("https") / "tls"
    subprocess.run(
        [BIN / "lambdad", "certificate", "--to", directory], check=True, capture_output=True
    )
    return directory


@pytest.fixture(scope="module")
def secure_server(
    certificate: Path,
    new_server: Callable[..., LocalServer],
    running_servers: list[LocalServer],
) -> Iterator[LocalServer]:
    """A server with that certificate, which the tests of this file share."""
    settings = {"tls_cert": certificate / "cert.pem", "tls_key": certificate / "key.pem"}
    server = new_server(**settings).start()
    yield server
    server.close()
    running_servers.remove(server)


@pytest.fixture
def server(secure_server: LocalServer, shown_servers: list[LocalServer]) -> LocalServer:
    """The server under test."""
    shown_servers.append(secure_server)
    return secure_server


@pytest.fixture
def url(server: LocalServer) -> str:
    """Its address by https."""
    return server.url.replace("http://127.0.0.1", "https://localhost")


@pytest.fixture
def secure_client(url: str, certificate: Path) -> Iterator[Any]:
    """Lambda by https."""
    client = make_secure_client(url, verify=str(certificate / "ca.pem"))
    yield client
    client.close()


def make_secure_client(url: str, **how: Any) -> Any:
    return Session().create_client(
        "lambda",
        region_name=REGION,
        endpoint_url=url,
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(proxies={}, retries={"total_max_attempts": 1}),
        **how,
    )


@pytest.fixture
def run(url: str, certificate: Path, tmp_path: Path) -> Callable[..., str]:
    """Run a program as a user's shell would, and return what it prints."""

    def run(program: str | Path, *arguments: str | Path, stdin: bytes = b"") -> str:
        variables = {"HOME": str(tmp_path), "PATH": os.environ["PATH"], **ENVIRONMENT}
        variables |= {"AWS_CA_BUNDLE": str(certificate / "ca.pem"), "AWS_PAGER": ""}
        done = subprocess.run(
            [program, *arguments], env=variables, cwd=tmp_path, input=stdin,
            capture_output=True, timeout=60,
        )  # fmt: skip
        assert done.returncode == 0, f"{done.stdout!r}\n{done.stderr!r}"
        return done.stdout.decode()

    return run


def health(url: str, trust: ssl.SSLContext | None = None) -> Any:
    with urllib.request.urlopen(f"{url}/_lambdad/health", timeout=5, context=trust) as answer:
        return json.load(answer)


def address_of(url: str) -> tuple[str, int]:
    return "127.0.0.1", int(url.rpartition(":")[2])


def test_the_ready_line_names_both_addresses(server: LocalServer) -> None:
    secure = server.url.replace("http:", "https:")
    assert f"is ready at {server.url} and {secure} (" in server.ready_line


def test_boto3_works_by_https_and_links_lead_back_by_it(
    secure_client: Any, make_function: MakeFunction, certificate: Path
) -> None:
    # Given
    name = make_function("echo").name
    payload = json.dumps("x" * 5_000_000).encode()
    # When
    invoked = secure_client.invoke(FunctionName=name, Payload=payload)
    # Then
    assert invoked["Payload"].read() == payload
    link = secure_client.get_function(FunctionName=name)["Code"]["Location"]
    assert link.startswith("https://localhost:")
    trust = ssl.create_default_context(cafile=certificate / "ca.pem")
    with urllib.request.urlopen(link, timeout=5, context=trust) as answer:
        assert answer.read(4) == b"PK\x03\x04"
    function_url = secure_client.create_function_url_config(FunctionName=name, AuthType="NONE")
    assert function_url["FunctionUrl"].startswith("https://")


def test_the_name_of_a_functions_url_is_one_of_the_certificates(
    secure_client: Any, make_function: MakeFunction, certificate: Path
) -> None:
    function = make_function("echo")
    made = secure_client.create_function_url_config(FunctionName=function.name, AuthType="NONE")
    host = made["FunctionUrl"].removeprefix("https://").partition(":")[0]
    trust = ssl.create_default_context(cafile=certificate / "ca.pem")
    with (
        socket.create_connection(address_of(made["FunctionUrl"].rstrip("/")), timeout=5) as sock,
        trust.wrap_socket(sock, server_hostname=host) as client,  # raises if it is not
    ):
        assert client.version() == "TLSv1.3"


def test_a_policy_may_ask_for_https_at_a_functions_url(
    secure_client: Any, make_function: MakeFunction, certificate: Path
) -> None:
    # Given
    function = make_function("echo")
    made = secure_client.create_function_url_config(FunctionName=function.name, AuthType="NONE")
    statement = {
        "Effect": "Allow", "Principal": "*", "Action": "lambda:*", "Resource": function.arn,
        "Condition": {
            "Bool": {"aws:SecureTransport": "true"}, "IpAddress": {"aws:SourceIp": "127.0.0.1"},
        },
    }  # fmt: skip
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    secure_client.put_resource_policy(ResourceArn=function.arn, Policy=policy)
    host, _, port = made["FunctionUrl"][len("https://") : -1].partition(":")
    head = f"GET / HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n".encode()
    trust = ssl.create_default_context(cafile=certificate / "ca.pem")
    # When the same is asked by https and by http
    with (
        socket.create_connection(("127.0.0.1", int(port)), timeout=5) as sock,
        trust.wrap_socket(sock, server_hostname=host) as client,
        socket.create_connection(("127.0.0.1", int(port)), timeout=5) as plain,
    ):
        answers = [read_all(connection, head) for connection in (client, plain)]
    # Then
    assert [answer.split(b" ")[1] for answer in answers] == [b"200", b"403"]
    headers = json.loads(answers[0].partition(b"\r\n\r\n")[2])["headers"]
    assert (headers["x-forwarded-proto"], headers["x-forwarded-port"]) == ("https", port)


def read_all(connection: socket.socket, head: bytes) -> bytes:
    connection.sendall(head)
    return b"".join(iter(lambda: connection.recv(65536), b""))


def test_plain_http_is_served_on_the_same_port_at_the_same_time(
    lambda_client: Any, secure_client: Any, make_function: MakeFunction
) -> None:
    name = make_function("echo").name

    def invoke(client: Any) -> bytes:
        return bytes(client.invoke(FunctionName=name, Payload=b'"hello"')["Payload"].read())

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(invoke, [lambda_client, secure_client] * 20))
    assert set(answers) == {b'"hello"'}


def test_whoever_does_not_trust_the_ca_is_told_so(url: str) -> None:
    client = make_secure_client(url)
    with pytest.raises(SSLError, match="CERTIFICATE_VERIFY_FAILED"):
        client.list_functions()
    client.close()


def test_commands_and_curl_work_by_https(
    run: Callable[..., str], url: str, certificate: Path, make_function: MakeFunction
) -> None:
    name, at = make_function("echo").name, ("--endpoint-url", url)
    (file := certificate.parent / "app.py").write_text("def handler(event, context): return event")
    aws = run(
        *(BIN / "aws", *at, "lambda", "invoke", "--function-name", name, "--payload", "1"),
        "out.json",
    )
    assert json.loads(aws)["StatusCode"] == 200
    assert json.loads(run(BIN / "lambdad", "invoke", name, "[1]", *at)) == [1]
    assert json.loads(run(BIN / "lambdad", "events", "--json", *at))
    assert "Created" in run(BIN / "lambdad", "deploy", file, "--name", "by-https", *at)
    assert "by-https" in run(BIN / "lambdad", "ls", *at)
    run(BIN / "lambdad", "rm", "by-https", "--yes", *at)
    said = run("curl", "--silent", "--cacert", certificate / "ca.pem", f"{url}/_lambdad/health")
    assert json.loads(said)["status"] == "ready"


def test_a_command_that_does_not_trust_the_ca_says_which_variable_helps(url: str) -> None:
    for words in (["ls"], ["events"]):
        done = subprocess.run(
            [BIN / "lambdad", *words, "--endpoint-url", url],
            env={"PATH": os.environ["PATH"], "HOME": "/nonexistent"},
            capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        assert (done.returncode, done.stdout) == (4, "")
        assert "certificate verify failed" in done.stderr
        assert "AWS_CA_BUNDLE" in done.stderr


def test_a_handshake_that_fails_costs_others_nothing_and_leaves_no_trace(
    server: LocalServer, url: str
) -> None:
    # Given clients that say nothing, half a greeting, or nonsense
    before = server.log
    slow = [socket.create_connection(address_of(url)) for _ in range(50)]
    for each in slow[::2]:
        each.sendall(b"\x16\x03\x01\x02\x00\x01")
    for version in ("-tls1_2", "-tls1_3"):  # one that leaves when it has seen the certificate
        subprocess.run(
            ["openssl", "s_client", version, "-verify_return_error", "-connect",
             f"127.0.0.1:{address_of(url)[1]}"],
            input=b"\x16 garbage\r\n\r\n", capture_output=True, timeout=20,
        )  # fmt: skip
    with socket.create_connection(address_of(url)) as nonsense:
        nonsense.sendall(b"\x16" + b"nonsense" * 1000)
    # When
    began = time.monotonic()
    assert health(server.url)["status"] == "ready"
    # Then
    assert time.monotonic() - began < 1
    assert server.log == before
    for each in slow:
        each.close()


def test_a_node_that_was_killed_speaks_tls_again(
    server: LocalServer, url: str, certificate: Path
) -> None:
    # Given files that are not there any more: they were read once
    trust = ssl.create_default_context(cafile=certificate / "ca.pem")
    hidden = certificate.rename(certificate.with_name("hidden"))
    killed = node_of(server)
    try:
        # When
        killed.kill()
        psutil.wait_procs([killed], timeout=5)
        # Then
        wait_until(lambda: is_well(url, trust), "the next node speaks TLS", timeout=20)
    finally:
        hidden.rename(certificate)


def is_well(url: str, trust: ssl.SSLContext) -> bool:
    try:
        return bool(health(url, trust)["status"] == "ready")
    except OSError:
        return False


def test_the_key_shows_nowhere(server: LocalServer, certificate: Path) -> None:
    """In no command line, variable, log, or file of the server's, whatever its mode."""
    secret = (certificate / "key.pem").read_bytes().splitlines()[1]
    shown = {}
    for process in processes_of(server):
        directory = Path(f"/proc/{process.pid}")
        shown[f"{directory}/cmdline"] = (directory / "cmdline").read_bytes()
        shown[f"{directory}/environ"] = (directory / "environ").read_bytes()
    shown["log"] = server.log.encode()
    for path in server.data_dir.rglob("*"):
        if stat.S_ISREG(path.lstat().st_mode):
            shown[str(path)] = path.read_bytes()
    assert [where for where, content in shown.items() if secret in content] == []


def test_a_certificate_that_cannot_serve_is_refused_in_one_sentence(
    certificate: Path, tmp_path: Path
) -> None:
    cert, key = certificate / "cert.pem", certificate / "key.pem"
    subprocess.run([BIN / "lambdad", "certificate", "--to", tmp_path / "other"], check=True)
    (tmp_path / "nonsense.pem").write_text("nonsense")
    for settings, reason in (
        ({"tls_cert": cert}, "tls_key is missing"),
        ({"tls_key": key}, "tls_cert is missing"),
        ({"tls_cert": tmp_path / "absent", "tls_key": key}, "tls_cert cannot be"),
        ({"tls_cert": tmp_path / "nonsense.pem", "tls_key": key}, "holds no certificate"),
        ({"tls_cert": cert, "tls_key": cert}, "holds no private key"),
        ({"tls_cert": cert, "tls_key": tmp_path / "other/key.pem"}, "key is not the one of the"),
    ):
        with pytest.raises(ServerNotReady) as caught:
            LocalServer(tmp_path / "data", sandbox="process", **settings).start()
        assert caught.value.code == 2
        assert reason in caught.value.log
        assert len(caught.value.log.splitlines()) == 1, caught.value.log
        assert not (tmp_path / "data").exists()

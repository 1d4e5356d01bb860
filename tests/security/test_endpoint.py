"""The AWS endpoint inside a sandbox is its own account's, and no way into the machine."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest

from lambdad.testing.server import LocalServer
from support.clients import ROLE
from support.functions import DeployedFunction
from support.packages import make_zip
from support.probes import Probe
from support.processes import node_of
from support.sandboxes import ON_ISOLATED
from support.waiting import wait_until

MakeFunction = Callable[..., DeployedFunction]
pytestmark = [*ON_ISOLATED, pytest.mark.slow]

ENDPOINT = 4566
URL = f"http://127.0.0.1:{ENDPOINT}"
MB = 1 << 20
OWN, OTHER = "999999999999", "000000000000"

EMPTY_APP = base64.b64encode(make_zip({"app.py": "def handler(event, context): ..."})).decode()
EFS = "arn:aws:elasticfilesystem:us-east-1"
CREATION = {
    "FunctionName": "from-inside",
    "Runtime": "python3.12",
    "Handler": "app.handler",
    "Role": ROLE,
}


def test_who_asks_is_the_environments_account_whatever_the_path_and_the_headers_say(
    stranger: Probe,
) -> None:
    for headers in (
        {},
        {"X-Forwarded-For": "127.0.0.1", "X-Amz-Account-Id": OTHER},
        {"Authorization": f"AWS {OTHER}:x"},
        {"X-Amz-Security-Token": "x"},
    ):
        for query in ("", f"?accountId={OTHER}", f"?FunctionVersion=ALL&MasterRegion={OTHER}"):
            url = f"{URL}/2015-03-31/functions{query}"
            answer = stranger.ask("fetch", url=url, headers=headers)
            assert f":{OTHER}:function:" not in answer["body"], (headers, query)


@pytest.mark.parametrize("region", ["eu-west-1", "cn-north-1"])
def test_signing_for_another_region_reaches_no_other_regions_functions(
    stranger: Probe, deploy: Callable[..., DeployedFunction], server: LocalServer, region: str
) -> None:
    # Given
    elsewhere = deploy(server, "echo", access_key_id=OWN, region=region)
    # When
    found = stranger.ask(
        "aws", service="lambda", operation="list_functions", credentials={"region_name": region}
    )
    # Then
    assert elsewhere.name not in json.dumps(found)


def test_a_signature_in_the_query_is_no_other_account(stranger: Probe) -> None:
    credential = f"{OTHER}%2F20260101%2Fus-east-1%2Flambda%2Faws4_request"
    query = (
        f"X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={credential}"
        "&X-Amz-Date=20260101T000000Z&X-Amz-Expires=900&X-Amz-SignedHeaders=host&X-Amz-Signature=0"
    )
    answer = stranger.ask("fetch", url=f"{URL}/2015-03-31/functions?{query}")
    assert answer["status"] == 403, answer


@pytest.mark.parametrize(
    "parameters",
    [
        {"Code": {"S3Bucket": "hot-reload", "S3Key": "/etc"}},
        {"Code": {"S3Bucket": "__local__", "S3Key": "/"}},
        {"Code": {"S3Bucket": "..", "S3Key": "../../../etc/passwd"}},
        {"Code": {"ImageUri": "file:///etc/passwd"}, "PackageType": "Image"},
        {"Code": {}},
        {"FileSystemConfigs": [
            {"Arn": f"{EFS}:{OWN}:access-point/fsap-0123456789abcdef0",
             "LocalMountPath": "/mnt/etc"}]},
        {"Layers": [f"arn:aws:lambda:us-east-1:{OWN}:layer:..%2f..%2fetc:1"]},
        {"Layers": [f"arn:aws:lambda:us-east-1:{OTHER}:layer:x:1"]},
        {"FunctionName": "../../../../etc"},
        {"Runtime": "../../bin/sh"},
    ],
    ids=lambda parameters: json.dumps(parameters)[:60],
)  # fmt: skip
def test_a_function_that_would_hold_something_of_the_machines_cannot_be_made(
    stranger: Probe, parameters: dict[str, Any]
) -> None:
    # Given what would be right but for these parameters
    body = {**CREATION, "Code": {"ZipFile": EMPTY_APP}, **parameters}
    # When: past boto3, which would refuse some of it itself
    answer = stranger.ask(
        "fetch", url=f"{URL}/2015-03-31/functions", method="POST", body=json.dumps(body),
        headers={"Content-Type": "application/json"},
    )  # fmt: skip
    # Then
    assert 400 <= answer["status"] < 500, answer
    listing = stranger.ask("fetch", url=f"{URL}/2015-03-31/functions")
    assert "from-inside" not in listing["body"]


@pytest.mark.parametrize(
    "path",
    [
        "/../../../../etc/passwd",
        "/_lambdad/../../etc/passwd",
        "/_lambdad/blobs/../../state.db",
        "/_lambdad/code/%2e%2e%2f%2e%2e%2fstate.db",
        "//etc/passwd",
        "/2015-03-31/functions/..%2f..%2f..%2fetc%2fpasswd",
        "/2015-03-31/functions/%00",
        "/proxy?url=file:///etc/passwd",
        "http://169.254.169.254/latest/meta-data/",
    ],
)
def test_no_path_leads_to_a_file_or_to_another_server(stranger: Probe, path: str) -> None:
    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{ENDPOINT}\r\nConnection: close\r\n\r\n"
    answer = stranger.ask("speak", pieces=[request], port=ENDPOINT)["answer"]
    assert "root:" not in answer
    assert "SQLite" not in answer
    assert answer == "" or answer.startswith(("HTTP/1.1 4", "HTTP/1.1 5")), answer


def test_the_endpoint_is_no_way_to_a_port_of_the_machines(
    stranger: Probe, server: LocalServer
) -> None:
    port = server.url.rpartition(":")[2]
    for request in (
        f"CONNECT 127.0.0.1:{port} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n",
        f"GET http://127.0.0.1:{port}/2015-03-31/functions HTTP/1.1\r\nHost: x\r\n\r\n",
    ):
        answer = stranger.ask("speak", pieces=[request], port=ENDPOINT, wait=0.5)["answer"]
        assert f":{OTHER}:function:" not in answer


def test_connections_to_the_endpoint_are_limited_and_others_are_answered(
    make_function: MakeFunction, neighbour: Probe
) -> None:
    # Given a function that begins requests and does not end them
    before = neighbour.ask("namespaces")["pid"]
    flooding = Probe(make_function("probe", MemorySize=1769, Timeout=10))
    half = "POST /2015-03-31/functions HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{"
    # When
    flooding.ask("hold", text=half, port=ENDPOINT, count=300)
    # Then
    wait_until(lambda: flooding.ask("held") <= 64, "the server closes what is too many")
    found = neighbour.ask("aws", service="sts", operation="get_caller_identity")
    assert found["status"] == 200
    assert neighbour.ask("namespaces")["pid"] == before
    # And its own requests go through again when it lets go
    flooding.ask("release")
    assert flooding.ask("aws", service="sts", operation="get_caller_identity")["status"] == 200


@pytest.mark.parametrize(
    ("start", "piece"),
    [
        ("GET / HTTP/1.1\r\nX: ", "y"),
        ("GET / HTTP/1.1\r\n", "X: y\r\n"),
        ("GET /", "y"),
    ],
    ids=["header", "headers", "path"],
)
def test_a_head_without_an_end_is_cut_off(stranger: Probe, start: str, piece: str) -> None:
    found = stranger.ask("pour", start=start, piece=piece, mb=64, port=ENDPOINT, wait=1)
    assert found["sent"] < 16 * MB


@pytest.mark.parametrize(
    ("head", "piece"),
    [("Content-Length: 900000000", "y" * 1000), ("Transfer-Encoding: chunked", "1\r\nx\r\n")],
    ids=["body", "chunks"],
)
def test_a_body_without_an_end_is_not_kept(
    stranger: Probe, neighbour: Probe, server: LocalServer, head: str, piece: str
) -> None:
    # Given
    node = node_of(server)
    before = node.memory_info().rss
    # When
    start = f"POST /2015-03-31/functions HTTP/1.1\r\nHost: x\r\n{head}\r\n\r\n"
    stranger.ask("pour", start=start, piece=piece, mb=200 if "900" in head else 20, port=ENDPOINT)
    # Then
    assert node.memory_info().rss - before < 150 * MB
    assert neighbour.ask("identity")["pid"] == 1

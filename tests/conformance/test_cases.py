"""A corpus of raw requests: NNN-name.http beside NNN-name.json, what must come of it.

The expectation has `status`, and `operation` with `parameters` when the request reaches one, or
`code` and `message` of the error; `headers` are some of the answer's.
"""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import cbor2
import pytest
from gateway_calls import Answer, Everything, ask

from lambdad.gateway.app import Gateway

CASES = sorted((Path(__file__).parent / "cases").glob("*.http"))


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
def test_request_of_the_corpus(case: Path, gateway: Gateway, service: Everything) -> None:
    # Given a request and what must come of it
    expected = json.loads(case.with_suffix(".json").read_text())
    service.error, service.result = None, expected.get("result", {})
    service.received.clear()
    # When it is put to the gateway
    answer = ask(gateway, *read_request(case))
    # Then this comes of it
    assert answer.status == expected["status"], answer.body
    assert answer.headers["x-amzn-requestid"]
    for name, value in expected.get("headers", {}).items():
        assert answer.headers[name] == value
    if "operation" in expected:
        assert [f"{name}.{operation}" for name, operation, _ in service.received] == [
            expected["operation"]
        ]
        assert readable(service.received[0][2]) == expected["parameters"]
    else:
        assert not service.received
        assert error_of(answer) == (expected["code"], expected["message"])


def read_request(case: Path) -> tuple[str, str, list[tuple[bytes, bytes]], bytes]:
    head, _, body = case.read_bytes().partition(b"\n\n")
    first, *lines = head.split(b"\n")
    method, target = first.decode().split(" ")
    pairs = [line.split(b": ", 1) for line in lines]
    headers = [(name.lower(), value) for name, value in pairs]
    return method, target, headers, body.removesuffix(b"\n")


def readable(value: Any) -> Any:
    def plain(value: bytes | datetime) -> str:
        return value.isoformat() if isinstance(value, datetime) else value.decode("latin-1")

    return json.loads(json.dumps(value, default=plain))


def error_of(answer: Answer) -> tuple[str, str]:
    if answer.body.startswith(b"<"):
        text = answer.body.decode()
        return between(text, "Code"), between(text, "Message")
    is_cbor = answer.headers["content-type"] == "application/cbor"
    body = cbor2.loads(answer.body) if is_cbor else json.loads(answer.body)
    message = body.get("message", body.get("Message"))
    return answer.headers.get("x-amzn-errortype") or body["__type"], message


def between(text: str, tag: str) -> str:
    return text.partition(f"<{tag}>")[2].partition(f"</{tag}>")[0]

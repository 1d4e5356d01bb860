"""Whatever is put to the gateway, it answers, and never that it failed."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import cbor2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parents[1] / "conformance"))

from gateway_calls import SERVICES, Answer, Everything, ask

from lambdad.gateway.app import Gateway
from lambdad.gateway.models import load_service_model

MODELS = [load_service_model(name) for name in SERVICES]
OPERATIONS = [(m.service_name, name) for m in MODELS for name in m.operation_names]
STREAMS = ("InvokeWithResponseStream", "GetLogObject", "StartLiveTail")
GATEWAY = Gateway({key: Everything() for key in OPERATIONS if key[1] not in STREAMS})
PATHS = [MODELS[0].operation_model(name).http["requestUri"] for name in MODELS[0].operation_names]

credentials = st.sampled_from(SERVICES).map(lambda name: f"test/20260101/us-east-1/{name}")
signatures = credentials.map(
    lambda scope: f"AWS4-HMAC-SHA256 Credential={scope}/aws4_request, SignedHeaders=a, Signature=b"
)
targets = st.sampled_from([f"Logs_20140328.{name}" for name in MODELS[2].operation_names])
actions = st.sampled_from(
    [f"Action={name}&Version=2011-06-15&" for name in MODELS[1].operation_names]
)
printable = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=30)
names = st.sampled_from(
    ["Authorization", "X-Amz-Target", "Content-Type", "Content-Length", "Content-Encoding", "Host"]
) | st.just("X-Amz-Invocation-Type")
headers = st.lists(
    st.one_of(
        st.tuples(names, printable),
        st.tuples(st.just("Authorization"), signatures),
        st.tuples(st.just("X-Amz-Target"), targets),
        st.tuples(st.just("Content-Type"), st.just("application/x-www-form-urlencoded")),
        st.just(("Smithy-Protocol", "rpc-v2-cbor")),
    ),
    max_size=5,
)
rpc_paths = st.sampled_from(MODELS[4].operation_names).map(
    lambda name: f"/service/GraniteServiceVersion20100801/operation/{name}"
)
member_names = st.sampled_from(
    sorted(
        {
            member
            for model in MODELS
            for shape in model.shape_names
            for member in getattr(model.shape_for(shape), "members", {})
        }
    )
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(member_names, inner, max_size=4),
    max_leaves=12,
)
cbor_values = st.recursive(
    json_values | st.binary(max_size=5),
    lambda inner: (
        st.builds(cbor2.CBORTag, st.sampled_from([0, 1, 2, 4, 28, 29, 35, 256, 2**40]), inner)
        | st.dictionaries(member_names | st.integers() | st.binary(max_size=3), inner, max_size=4)
    ),
    max_leaves=6,
)
forms = st.tuples(
    actions, printable.filter(str.isascii), st.sampled_from(["", "Tags.member.1.Key=a"])
)
bodies = st.one_of(
    st.binary(max_size=60),
    json_values.map(lambda value: json.dumps(value).encode()),
    cbor_values.map(cbor2.dumps),
    st.tuples(cbor_values.map(cbor2.dumps), st.integers(0, 40)).map(lambda cut: cut[0][: cut[1]]),
    forms.map(lambda parts: "".join(parts).encode()),
)
targets_of_requests = st.one_of(
    st.sampled_from(PATHS).map(lambda uri: uri.replace("{", "").replace("}", "")),
    st.tuples(st.sampled_from(PATHS), printable).map("".join),
    printable.map(lambda text: f"/{text}"),
    st.just("/"),
    rpc_paths,
)


SMITHY = (b"smithy-protocol", b"rpc-v2-cbor")


def is_answered(answer: Answer) -> bool:
    return answer.status < 500 or answer.status == 501


@settings(
    max_examples=400, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck)
)
@given(
    method=st.sampled_from(["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"]),
    target=targets_of_requests,
    headers=headers,
    body=bodies,
)
@pytest.mark.slow
def test_no_request_makes_the_gateway_fail(
    method: str, target: str, headers: list[tuple[str, str]], body: bytes
) -> None:
    wire: list[Any] = [(name.lower().encode(), value.encode()) for name, value in headers]
    answer = ask(GATEWAY, method, target, wire, body)
    assert is_answered(answer), answer.body
    assert answer.headers["x-amzn-requestid"]


@settings(
    max_examples=400, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck)
)
@given(path=rpc_paths, body=cbor_values.map(cbor2.dumps) | st.binary(max_size=60))
@pytest.mark.slow
def test_no_cbor_makes_the_gateway_fail(path: str, body: bytes) -> None:
    answer = ask(GATEWAY, "POST", path, [SMITHY], body)
    assert is_answered(answer), answer.body
    assert answer.headers["smithy-protocol"] == "rpc-v2-cbor"
    cbor2.loads(answer.body or b"\xa0")

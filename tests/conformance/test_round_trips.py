"""botocore writes and we read; we write and botocore reads: for every operation of every service.

The clients are real. Only the network between them and the gateway is missing.
"""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from botocore.exceptions import ClientError as BotocoreError
from botocore.handlers import json_decode_policies
from botocore.model import OperationModel, StructureShape
from gateway_calls import SPOKEN, Everything
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from shape_strategies import structures, values

from lambdad.errors import ClientError
from lambdad.gateway.models import load_service_model

few = settings(
    max_examples=3,
    phases=[Phase.generate],  # the values are small; to shrink them takes longer than to read them
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
once = settings(few, max_examples=1)

MODELS = {name: load_service_model(name) for name, _ in SPOKEN}
OPERATIONS = [
    (name, protocol, operation)
    for name, protocol in SPOKEN
    for operation in MODELS[name].operation_names
]
every_operation = pytest.mark.parametrize(("service_name", "protocol", "operation"), OPERATIONS)

# Their results are event streams, which the gateway does not write yet.
STREAMS = {
    ("lambda", "InvokeWithResponseStream"),
    ("logs", "GetLogObject"),
    ("logs", "StartLiveTail"),
}
RESULTS = [each for each in OPERATIONS if (each[0], each[2]) not in STREAMS]


@every_operation
def test_what_a_client_writes_we_read(
    service_name: str,
    protocol: str,
    operation: str,
    clients: dict[tuple[str, str], Any],
    service: Everything,
) -> None:
    model = MODELS[service_name].operation_model(operation)

    @few
    @given(parameters=parameters_of(model))
    def check(parameters: dict[str, Any]) -> None:
        # Given an operation that only remembers
        service.error, service.result = ClientError("Enough", "seen", status=400), {}
        service.received.clear()
        # When a client calls it
        with pytest.raises(BotocoreError, match="Enough"):
            clients[service_name, protocol]._make_api_call(operation, parameters)
        # Then it has been given exactly the client's parameters
        expected = with_implied_body(model, parameters)
        if protocol == "query":
            expected = without_empty(expected)
        assert service.received == [(service_name, operation, expected)]

    check()


@pytest.mark.parametrize(("service_name", "protocol", "operation"), RESULTS)
def test_what_we_write_a_client_reads(
    service_name: str,
    protocol: str,
    operation: str,
    clients: dict[tuple[str, str], Any],
    service: Everything,
) -> None:
    model = MODELS[service_name].operation_model(operation)

    @few
    @given(parameters=parameters_of(model, minimal=True), result=results_of(model))
    def check(parameters: dict[str, Any], result: dict[str, Any]) -> None:
        # Given an operation that answers `result`
        service.error, service.result = None, result
        # When a client calls it
        answer = clients[service_name, protocol]._make_api_call(operation, parameters)
        # Then the client returns `result`
        metadata = answer.pop("ResponseMetadata")
        assert metadata["HTTPHeaders"]["x-amzn-requestid"]
        expected = {**implied_status(model, metadata), **decoded(service_name, model, result)}
        assert read_streams(answer) == expected

    check()


@every_operation
def test_every_declared_error_is_what_a_client_raises(
    service_name: str,
    protocol: str,
    operation: str,
    clients: dict[tuple[str, str], Any],
    service: Everything,
) -> None:
    model = MODELS[service_name].operation_model(operation)

    @once
    @given(parameters=parameters_of(model, minimal=True), data=st.data())
    def check(parameters: dict[str, Any], data: st.DataObject) -> None:
        for shape in model.error_shapes:
            # Given an operation that raises this error
            members = data.draw(values(shape), label=shape.name)
            members = {name: v for name, v in members.items() if not is_message(name)}
            service.error = ClientError(shape.name, "It is so <&> é.", members=members)
            # When a client calls it
            with pytest.raises(BotocoreError) as caught:
                clients[service_name, protocol]._make_api_call(operation, parameters)
            # Then the client raises it, or one of the same code, with everything in it
            raised = MODELS[service_name].shape_for(type(caught.value).__name__)
            assert raised.error_code == shape.error_code
            response = caught.value.response
            assert response["Error"]["Code"] == shape.error_code
            assert response["Error"]["Message"] == "It is so <&> é."
            assert response["ResponseMetadata"]["HTTPStatusCode"] == status_of(shape)
            assert members.items() <= response.items()

    check()


def parameters_of(model: OperationModel, minimal: bool = False) -> st.SearchStrategy[Any]:
    shape = model.input_shape
    if shape is None:
        return st.just({})
    return structures(shape, depth=4 if minimal else 0)


def results_of(model: OperationModel) -> st.SearchStrategy[Any]:
    shape = model.output_shape
    if shape is None:
        return st.just({})
    statuses = {name for name, m in shape.members.items() if at(m, "statusCode")}
    return structures(shape).map(lambda r: {k: 207 if k in statuses else v for k, v in r.items()})


def decoded(service_name: str, model: OperationModel, result: dict[str, Any]) -> dict[str, Any]:
    """A client decodes IAM's policy documents, whenever they are any JSON."""
    copied = deepcopy(result)
    if service_name == "iam":
        json_decode_policies(copied, model)
    return copied


def implied_status(model: OperationModel, metadata: dict[str, Any]) -> dict[str, Any]:
    """A client fills members that stand for the HTTP status, whether we set them or not."""
    members = model.output_shape.members if model.output_shape else {}
    implied: dict[str, Any] = {}
    for name, member in members.items():
        if at(member, "statusCode"):
            implied[name] = metadata["HTTPStatusCode"]
        elif member.type_name == "blob" and member.serialization.get("streaming"):
            implied[name] = b""
    payload = model.output_shape.serialization.get("payload") if model.output_shape else None
    if payload and members[payload].type_name == "blob":
        implied[payload] = b""
    return implied


def with_implied_body(model: OperationModel, parameters: dict[str, Any]) -> dict[str, Any]:
    """A raw body is always there, if only as an empty one; `{}` stands for an absent structure."""
    payload = model.input_shape.serialization.get("payload") if model.input_shape else None
    if payload is None:
        return parameters
    is_blob = model.input_shape.members[payload].type_name == "blob"
    return {payload: b"" if is_blob else {}, **parameters}


def without_empty(value: Any) -> Any:
    """A form cannot spell a structure that has no members."""
    if isinstance(value, dict):
        kept = {name: without_empty(each) for name, each in value.items()}
        return {name: each for name, each in kept.items() if each != {}}
    return [without_empty(each) for each in value] if isinstance(value, list) else value


def read_streams(answer: dict[str, Any]) -> dict[str, Any]:
    return {name: v.read() if hasattr(v, "read") else v for name, v in answer.items()}


def is_message(name: str) -> bool:
    return name.lower() in ("message", "type")


def at(member: Any, location: str) -> bool:
    return member.serialization.get("location") == location


def status_of(shape: StructureShape) -> int:
    declared = shape.metadata.get("error") or {}
    return int(declared.get("httpStatusCode", 500 if shape.metadata.get("fault") else 400))

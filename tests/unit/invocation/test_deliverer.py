"""Sending to queues, topics, buses and buckets over HTTP, and to functions in process."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lambdad.client.client import Client
from lambdad.client.endpoint import Endpoint
from lambdad.errors import ClientError, PlatformError
from lambdad.invocation.deliverer import Deliverer
from lambdad.model.caller import RequestContext
from lambdad.model.event import DEAD_LETTER, ON_FAILURE, ON_SUCCESS, Delivery
from lambdad.services.lambda_ import operations
from lambdad.store.database import Database
from support.clients import ACCOUNT, REGION
from support.control_plane import open_control_plane
from support.neighbours import SERVICES, Neighbours
from support.operator_variables import set_operator_variables

HERE = "http://127.0.0.1:4566"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/sender"
FUNCTION = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:sender:$LATEST"
RECORD = '{"version":"1.0","requestPayload":1e400,"text":"ä"}'.encode()
REQUEST_ID = "c2a6f2ae-7dbb-4d22-8782-d0485c9877e2"
TRACE = "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700"
LETTER = {
    "RequestID": {"DataType": "String", "StringValue": REQUEST_ID},
    "ErrorCode": {"DataType": "Number", "StringValue": "200"},
    "ErrorMessage": {"DataType": "String", "StringValue": "no such order"},
}
MOMENT = 1573755365.568  # 2019-11-14T18:16:05.568Z


def delivery(target_arn: str, kind: str = ON_FAILURE, **members: Any) -> Delivery:
    given: dict[str, Any] = {
        "id": 1,
        "event_id": 2,
        "kind": kind,
        "target_arn": target_arn,
        "account_id": ACCOUNT,
        "region": REGION,
        "function_name": "sender",
        "request_id": REQUEST_ID,
        "role": ROLE,
        "body": RECORD,
        "created_at": MOMENT,
        "attributes": LETTER if kind == DEAD_LETTER else {"FunctionArn": FUNCTION},
        "trace_header": TRACE,
        **members,
    }
    return Delivery(**given)


# To services elsewhere


@pytest.fixture
def elsewhere(neighbours: Neighbours, monkeypatch: pytest.MonkeyPatch) -> Iterator[Deliverer]:
    set_operator_variables(monkeypatch, access_key_id="test")
    endpoints = {service: Endpoint(service, neighbours.url) for service in SERVICES}
    yield Deliverer(Client({}, endpoint_url=HERE, endpoints=endpoints))
    for endpoint in endpoints.values():
        endpoint.close()


@pytest.mark.slow
class TestElsewhere:
    async def test_a_queue_gets_the_record_as_its_body(
        self, elsewhere: Deliverer, neighbours: Neighbours
    ) -> None:
        await elsewhere.deliver(delivery(neighbours.queue.arn))
        (message,) = await asyncio.to_thread(neighbours.queue.receive)
        assert message["Body"].encode() == RECORD
        assert "MessageAttributes" not in message

    async def test_a_dead_letter_has_the_event_and_its_attributes(
        self, elsewhere: Deliverer, neighbours: Neighbours
    ) -> None:
        letter = delivery(neighbours.queue.arn, DEAD_LETTER, body=b'{"order": 1}')
        await elsewhere.deliver(letter)
        await elsewhere.deliver(letter)
        messages = await asyncio.to_thread(neighbours.queue.receive, 2)
        assert [message["Body"] for message in messages] == ['{"order": 1}'] * 2
        assert messages[0]["MessageAttributes"] == LETTER

    async def test_a_topic_publishes_the_record(
        self, elsewhere: Deliverer, neighbours: Neighbours
    ) -> None:
        await elsewhere.deliver(delivery(neighbours.topic_arn, ON_SUCCESS))
        (message,) = await asyncio.to_thread(neighbours.behind_topic.receive)
        assert json.loads(message["Body"])["Message"].encode() == RECORD

    async def test_a_topic_publishes_a_dead_letter_with_its_attributes(
        self, elsewhere: Deliverer, neighbours: Neighbours
    ) -> None:
        await elsewhere.deliver(delivery(neighbours.topic_arn, DEAD_LETTER, body=b"[1]"))
        (message,) = await asyncio.to_thread(neighbours.behind_topic.receive)
        notification = json.loads(message["Body"])
        assert notification["Message"] == "[1]"
        assert notification["MessageAttributes"]["ErrorCode"] == {"Type": "Number", "Value": "200"}

    @pytest.mark.parametrize(
        ("kind", "outcome"), [(ON_SUCCESS, "Success"), (ON_FAILURE, "Failure")]
    )
    async def test_a_bus_gets_an_event_of_lambda(
        self, elsewhere: Deliverer, neighbours: Neighbours, kind: str, outcome: str
    ) -> None:
        await elsewhere.deliver(delivery(neighbours.bus_arn, kind, body=b'{"version":"1.0"}'))
        (message,) = await asyncio.to_thread(neighbours.behind_bus.receive)
        event = json.loads(message["Body"])
        assert event["source"] == "lambda"
        assert event["detail-type"] == f"Lambda Function Invocation Result - {outcome}"
        assert event["resources"] == [FUNCTION, neighbours.bus_arn]
        assert event["detail"] == {"version": "1.0"}

    async def test_a_bucket_gets_one_object_however_often_it_is_sent(
        self, elsewhere: Deliverer, neighbours: Neighbours
    ) -> None:
        await elsewhere.deliver(delivery(neighbours.bucket_arn))
        await elsewhere.deliver(delivery(neighbours.bucket_arn))
        (key, content), *others = (await asyncio.to_thread(neighbours.objects)).items()
        assert others == []
        assert content == RECORD
        uuid = r"[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}"
        assert re.fullmatch(
            rf"aws/lambda/async/sender/2019/11/14/2019-11-14T18\.16\.05-{uuid}", key
        )

    @pytest.mark.parametrize(
        "arn",
        [
            f"arn:aws:sqs:{REGION}:{ACCOUNT}:none",
            f"arn:aws:sns:{REGION}:{ACCOUNT}:none",
            "arn:aws:s3:::there-is-no-such-bucket",
        ],
    )
    async def test_what_is_not_there_is_refused_for_good(
        self, elsewhere: Deliverer, arn: str
    ) -> None:
        with pytest.raises(ClientError):
            await elsewhere.deliver(delivery(arn))

    async def test_a_queue_that_was_there_and_is_gone_is_looked_for_again(
        self, elsewhere: Deliverer, neighbours: Neighbours
    ) -> None:
        queue = neighbours.queue
        await elsewhere.deliver(delivery(queue.arn))
        queue.client.delete_queue(QueueUrl=queue.url)
        with pytest.raises(ClientError, match=r"NonExistentQueue|QueueDoesNotExist"):
            await elsewhere.deliver(delivery(queue.arn))
        queue.client.create_queue(QueueName=queue.arn.split(":")[-1])
        await elsewhere.deliver(delivery(queue.arn))

    async def test_what_is_too_large_for_a_queue_is_refused_for_good(
        self, elsewhere: Deliverer, neighbours: Neighbours
    ) -> None:
        with pytest.raises(ClientError):
            await elsewhere.deliver(delivery(neighbours.queue.arn, body=b'"%b"' % (b"x" * 2**21)))


# To what is served here


class Here:
    """Services of this process that answer as they are told, and remember what they were asked."""

    def __init__(self) -> None:
        self.calls: list[tuple[RequestContext, dict[str, Any]]] = []
        self.answers: dict[str, dict[str, Any]] = {
            "Invoke": {"StatusCode": 202},
            "GetQueueUrl": {"QueueUrl": "http://queue"},
            "SendMessage": {"MessageId": "m"},
            "PutEvents": {"FailedEntryCount": 0, "Entries": [{"EventId": "e"}]},
        }

    async def answer(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        self.calls.append((context, request))
        return self.answers[context.operation]

    @property
    def deliverer(self) -> Deliverer:
        asked = [("lambda", "Invoke"), ("sqs", "GetQueueUrl"), ("sqs", "SendMessage")]
        table = dict.fromkeys([*asked, ("events", "PutEvents")], self.answer)
        return Deliverer(Client(table, endpoint_url=HERE))


@pytest.fixture
def here() -> Here:
    return Here()


BUS = f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/default"
QUEUE = f"arn:aws:sqs:eu-west-1:{ACCOUNT}:orders"


@pytest.mark.parametrize("qualifier", ["", ":live", ":3", ":$LATEST"])
async def test_a_function_is_invoked_by_a_session_of_the_role(here: Here, qualifier: str) -> None:
    arn = f"arn:aws:lambda:eu-west-1:210987654321:function:next{qualifier}"
    await here.deliverer.deliver(delivery(arn))
    ((context, request),) = here.calls
    assert request == {"FunctionName": arn, "InvocationType": "Event", "Payload": RECORD}
    assert (context.caller.account_id, context.caller.region) == (ACCOUNT, "eu-west-1")
    assert context.caller.arn == f"arn:aws:sts::{ACCOUNT}:assumed-role/sender/sender"
    assert context.caller.environment_id is None
    assert context.trace_header == TRACE


async def test_another_accounts_function_decides_by_its_policy(tmp_path: Path) -> None:
    database = Database.open(tmp_path / "state.db")
    plane = await open_control_plane(database, tmp_path)
    await plane.create("next")
    arn = (await plane("GetFunctionConfiguration", FunctionName="next"))["FunctionArn"]
    deliverer = Deliverer(Client(operations(plane.control), endpoint_url=HERE))
    with pytest.raises(ClientError) as caught:
        await deliverer.deliver(delivery(arn))
    assert caught.value.code == "AccessDeniedException"
    await plane.control.changes.stop()
    database.close()


async def test_the_url_of_a_queue_is_asked_for_once(here: Here) -> None:
    deliverer = here.deliverer
    await deliverer.deliver(delivery(QUEUE))
    await deliverer.deliver(delivery(QUEUE))
    assert [context.operation for context, _ in here.calls] == [
        *("GetQueueUrl", "SendMessage", "SendMessage")
    ]
    assert here.calls[0][1] == {"QueueName": "orders", "QueueOwnerAWSAccountId": ACCOUNT}
    assert {context.caller.region for context, _ in here.calls} == {"eu-west-1"}


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("ThrottlingException", PlatformError),
        ("InternalFailure", PlatformError),
        ("MalformedDetail", ClientError),
        ("NotAuthorizedForSourceException", ClientError),
    ],
)
async def test_an_event_that_a_bus_has_not_taken_is_a_failure(
    here: Here, code: str, kind: type[Exception]
) -> None:
    failed = {"ErrorCode": code, "ErrorMessage": "why"}
    here.answers["PutEvents"] = {"FailedEntryCount": 1, "Entries": [failed]}
    with pytest.raises(kind, match=f"{code}: why"):
        await here.deliverer.deliver(delivery(BUS))


@pytest.mark.parametrize("operation", ["Invoke", "GetQueueUrl", "SendMessage", "PutEvents"])
async def test_an_answer_that_proves_nothing_is_none(here: Here, operation: str) -> None:
    here.answers[operation] = {}
    arn = {"Invoke": FUNCTION, "PutEvents": BUS}.get(operation, QUEUE)
    with pytest.raises(PlatformError, match=f"{operation} of .* has answered without"):
        await here.deliverer.deliver(delivery(arn))


@pytest.mark.parametrize(
    "arn",
    [
        "",
        "queue",
        "arn:aws:sqs:us-east-1:000000000000:",
        "arn:aws:sqs:us-east-1:000000000000:a/../b",
        "arn:aws:sqs:us-east-1:000000000000:orders.fifo",
        "arn:aws:sqs:us-east-1::orders",
        "arn:aws:sqs::000000000000:orders",
        "arn:aws:sqs:evil.example.com/:000000000000:orders",
        "arn:aws:sqs:us-east-1:000000000000:orders\n",
        "arn:aws:sns:us-east-1:000000000000:topic:sub",
        "arn:aws:s3:::a/../../b",
        "arn:aws:s3:::..",
        "arn:aws:s3:::Bucket",
        "arn:aws:s3:::arn:aws:s3:us-east-1:000000000000:accesspoint/a",
        "arn:aws:s3:us-east-1:000000000000:accesspoint/a",
        "arn:aws:events:us-east-1:000000000000:event-bus/a b",
        "arn:aws:events:us-east-1:000000000000:rule/a",
        "arn:aws:lambda:us-east-1:000000000000:function:a/b",
        "arn:aws:lambda:us-east-1:000000000000:layer:a",
        "arn:aws:iam::000000000000:role/a",
        "arn:aws@evil.example.com:sqs:us-east-1:000000000000:orders",
    ],
)
async def test_an_arn_that_leads_elsewhere_leads_nowhere(here: Here, arn: str) -> None:
    with pytest.raises(ClientError, match="is invalid"):
        await here.deliverer.deliver(delivery(arn))
    assert here.calls == []


async def test_a_service_that_is_neither_here_nor_elsewhere_names_the_setting(here: Here) -> None:
    with pytest.raises(ClientError, match="--endpoints sns=URL"):
        await here.deliverer.deliver(delivery(f"arn:aws:sns:{REGION}:{ACCOUNT}:topic"))

"""Send what is to be told of an event to where its function's configuration says."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from lambdad.client.client import Client
from lambdad.client.failures import passes
from lambdad.clock import to_datetime
from lambdad.errors import ClientError, PlatformError, invalid_parameter
from lambdad.model.caller import Caller
from lambdad.model.event import DEAD_LETTER, ON_SUCCESS, Delivery

_QUEUES = 1024  # whose URLs are remembered

_REGION = r"[a-z]{2,4}(?:-[a-z]{1,20}){1,4}-[0-9]"
_ARN = re.compile(
    rf"arn:aws(?:-[a-z]{{1,10}}){{0,3}}:(?P<service>[a-z0-9]+):(?P<region>(?:{_REGION})?):"
    r"(?P<account_id>(?:[0-9]{12})?):(?P<resource>.+)"
)
# What the last part of an ARN may be. Names become parts of paths and of requests.
_RESOURCES: Mapping[str, re.Pattern[str]] = MappingProxyType(
    {
        "events": re.compile(r"event-bus/([A-Za-z0-9_.-]{1,256})"),
        "lambda": re.compile(r"function:([A-Za-z0-9_-]{1,64}(?::[$A-Za-z0-9_.-]{1,128})?)"),
        "s3": re.compile(r"([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])"),
        "sns": re.compile(r"([A-Za-z0-9_-]{1,256})"),
        "sqs": re.compile(r"([A-Za-z0-9_-]{1,80})"),
    }
)
_WITHOUT_A_PLACE = "s3"  # the names of buckets are the whole partition's


@dataclass(frozen=True, slots=True)
class _Target:
    """What an ARN names; a bucket's says neither region nor account."""

    arn: str
    service: str
    region: str
    account_id: str
    name: str


class Deliverer:
    """Sends deliveries through `client`, as a session of the function's role."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._queue_urls: dict[str, str] = {}

    async def deliver(self, delivery: Delivery) -> None:
        """Send it, once. A ClientError says that it will never arrive, a PlatformError that it may
        when it is sent again; it may then have arrived already."""
        target = _read(delivery.target_arn)
        send = {
            "events": self._put_event,
            "lambda": self._invoke,
            "s3": self._put_object,
            "sns": self._publish,
            "sqs": self._send_message,
        }[target.service]
        await send(delivery, target)

    async def _invoke(self, delivery: Delivery, target: _Target) -> None:
        await self._call(
            *(delivery, target, "Invoke", "StatusCode"),
            FunctionName=target.arn,
            InvocationType="Event",
            Payload=delivery.body,
        )

    async def _send_message(self, delivery: Delivery, target: _Target) -> None:
        try:
            await self._call(
                *(delivery, target, "SendMessage", "MessageId"),
                QueueUrl=await self._queue_url(delivery, target),
                MessageBody=_text(delivery),
                **_message_attributes(delivery),
            )
        except (ClientError, PlatformError):
            self._queue_urls.pop(target.arn, None)  # it may have moved
            raise

    async def _queue_url(self, delivery: Delivery, target: _Target) -> str:
        if target.arn not in self._queue_urls:
            answer = await self._call(
                *(delivery, target, "GetQueueUrl", "QueueUrl"),
                QueueName=target.name,
                QueueOwnerAWSAccountId=target.account_id,
            )
            if len(self._queue_urls) >= _QUEUES:
                del self._queue_urls[next(iter(self._queue_urls))]
            self._queue_urls[target.arn] = answer["QueueUrl"]
        return self._queue_urls[target.arn]

    async def _publish(self, delivery: Delivery, target: _Target) -> None:
        await self._call(
            *(delivery, target, "Publish", "MessageId"),
            TopicArn=target.arn,
            Message=_text(delivery),
            **_message_attributes(delivery),
        )

    async def _put_event(self, delivery: Delivery, target: _Target) -> None:
        outcome = "Success" if delivery.kind == ON_SUCCESS else "Failure"
        entry = {
            "Source": "lambda",
            "DetailType": f"Lambda Function Invocation Result - {outcome}",
            "Resources": [delivery.attributes["FunctionArn"], target.arn],
            "Detail": _text(delivery),
            "EventBusName": target.arn,
        }
        answer = await self._call(
            *(delivery, target, "PutEvents", "FailedEntryCount"), Entries=[entry]
        )
        if answer["FailedEntryCount"]:
            raise _refusal(answer["Entries"][0])

    async def _put_object(self, delivery: Delivery, target: _Target) -> None:
        await self._call(
            *(delivery, target, "PutObject", "ETag"),
            Bucket=target.name,
            Key=_object_key(delivery),
            Body=delivery.body,
            ContentType="application/json",
        )

    async def _call(
        self, delivery: Delivery, target: _Target, operation: str, proof: str, **parameters: Any
    ) -> dict[str, Any]:
        """The answer, which has a member `proof` if it comes from the service at all: a web server
        that finds nothing wrong must not be taken for it."""
        caller = Caller(
            delivery.account_id,
            target.region or delivery.region,
            role=delivery.role,
            session_name=delivery.function_name,
        )
        answer = await self._client.call(
            *(target.service, operation, parameters, caller), trace_header=delivery.trace_header
        )
        if proof not in answer:
            raise PlatformError(f"{operation} of {target.service} has answered without {proof}.")
        return answer


def _read(arn: str) -> _Target:
    """What an ARN names, if it is something to send to."""
    parts = _ARN.fullmatch(arn)
    form = _RESOURCES.get(parts["service"]) if parts else None
    resource = form.fullmatch(parts["resource"]) if parts and form else None
    if parts is None or resource is None:
        raise _invalid(arn)
    has_place = bool(parts["region"] and parts["account_id"])
    if not has_place and parts["service"] != _WITHOUT_A_PLACE:
        raise _invalid(arn)
    return _Target(arn, parts["service"], parts["region"], parts["account_id"], resource[1])


def _invalid(arn: str) -> ClientError:
    return invalid_parameter(f"The destination ARN {arn} is invalid.")


def _text(delivery: Delivery) -> str:
    return delivery.body.decode(errors="replace")  # JSON, and so what it was


def _message_attributes(delivery: Delivery) -> dict[str, Any]:
    if delivery.kind != DEAD_LETTER:
        return {}
    return {"MessageAttributes": delivery.attributes}


def _object_key(delivery: Delivery) -> str:
    """AWS's form of it. The UUID is the same at every try, so that there is one object in the
    end."""
    at = to_datetime(delivery.created_at)
    uuid = uuid5(NAMESPACE_URL, f"{delivery.target_arn} {delivery.request_id}")
    return f"aws/lambda/async/{delivery.function_name}/{at:%Y/%m/%d/%Y-%m-%dT%H.%M.%S}-{uuid}"


def _refusal(entry: Mapping[str, Any]) -> ClientError | PlatformError:
    """Why EventBridge has not taken an event, though it has answered."""
    code, message = str(entry.get("ErrorCode", "")), str(entry.get("ErrorMessage", ""))
    if passes(code):
        return PlatformError(f"The event bus has failed: {code}: {message}")
    return ClientError(code, message)

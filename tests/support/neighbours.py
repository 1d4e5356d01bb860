"""Services to send to: SQS, SNS, EventBridge and S3 over HTTP, played by moto's server."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from support.clients import ACCOUNT, REGION, make_client
from support.waiting import wait_until

SERVICES = ("events", "s3", "sns", "sqs")
_READY = re.compile(r"Running on (http://\S+)")
_START_SECONDS = 60.0


@dataclass(frozen=True)
class Queue:
    """A queue, and what has come into it."""

    arn: str
    url: str
    client: Any

    def receive(self, count: int = 1) -> list[dict[str, Any]]:
        """The next messages, as soon as there are so many; with their attributes."""
        found: list[dict[str, Any]] = []
        wait_until(lambda: self._receive_into(found) >= count, f"{count} messages in {self.arn}")
        return found

    def _receive_into(self, found: list[dict[str, Any]]) -> int:
        answer = self.client.receive_message(
            QueueUrl=self.url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
        )
        for message in answer.get("Messages", []):
            found.append(message)
            self.client.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
        return len(found)


@dataclass(frozen=True)
class Neighbours:
    """One of each thing that can be sent to: a queue; a topic and a bus, with a queue behind each
    that gets what they get; a bucket. `setting` is lambdad's setting `endpoints`; a server that is
    started with it needs the variables of `support.clients.ENVIRONMENT`, too."""

    url: str
    queue: Queue
    topic_arn: str
    behind_topic: Queue
    bus_arn: str
    behind_bus: Queue
    bucket: str

    @property
    def setting(self) -> str:
        return ",".join(f"{service}={self.url}" for service in SERVICES)

    @property
    def bucket_arn(self) -> str:
        return f"arn:aws:s3:::{self.bucket}"

    def objects(self, count: int = 1) -> dict[str, bytes]:
        """The bucket's objects by key, as soon as there are so many."""
        s3 = make_client("s3", self.url)
        try:
            keys = wait_until(
                lambda: found if len(found := _keys(s3, self.bucket)) >= count else None,
                f"{count} objects in {self.bucket}",
            )
            return {
                key: s3.get_object(Bucket=self.bucket, Key=key)["Body"].read() for key in keys or ()
            }
        finally:
            s3.close()


@contextmanager
def neighbour_server() -> Iterator[str]:
    """The URL of a moto server of one's own, on a free port."""
    command = (sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", "0")
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(
            command,
            env={**os.environ, "MOTO_ACCOUNT_ID": ACCOUNT},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
        try:
            yield wait_until(partial(_url_in, log), "moto's server is up", timeout=_START_SECONDS)
        finally:
            process.kill()
            process.wait()


@contextmanager
def make_neighbours(url: str) -> Iterator[Neighbours]:
    """New things to send to on the moto server at `url`."""
    name = f"n-{uuid.uuid4().hex[:10]}"
    clients = {service: make_client(service, url) for service in SERVICES}
    queue, behind_topic, behind_bus = (
        _make_queue(clients["sqs"], f"{name}-{purpose}") for purpose in ("plain", "topic", "bus")
    )
    topic_arn = clients["sns"].create_topic(Name=name)["TopicArn"]
    clients["sns"].subscribe(TopicArn=topic_arn, Protocol="sqs", Endpoint=behind_topic.arn)
    bus_arn = clients["events"].create_event_bus(Name=name)["EventBusArn"]
    pattern = '{"source": ["lambda"]}'
    clients["events"].put_rule(Name=name, EventBusName=name, EventPattern=pattern)
    targets = [{"Id": "queue", "Arn": behind_bus.arn}]
    clients["events"].put_targets(Rule=name, EventBusName=name, Targets=targets)
    clients["s3"].create_bucket(Bucket=name)
    try:
        yield Neighbours(url, queue, topic_arn, behind_topic, bus_arn, behind_bus, name)
    finally:
        for client in clients.values():
            client.close()


def _make_queue(sqs: Any, name: str) -> Queue:
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    return Queue(f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}", url, sqs)


def _keys(s3: Any, bucket: str) -> list[str]:
    listed = s3.list_objects_v2(Bucket=bucket).get("Contents", [])
    return [found["Key"] for found in listed]


def _url_in(log: Any) -> str | None:
    log.seek(0)
    found = _READY.search(log.read())
    return found[1] if found else None

"""As an operator I export log lines to a bucket, from where other programs read them."""

from __future__ import annotations

import gzip
import time
from collections.abc import Callable
from typing import Any

import pytest

from lambdad.testing.server import LocalServer
from support.clients import make_client
from support.neighbours import Neighbours
from support.operator_variables import set_operator_variables
from support.waiting import wait_until

pytestmark = pytest.mark.slow


def write(client: Any, group: str, stream: str, *messages: str) -> None:
    client.create_log_stream(logGroupName=group, logStreamName=stream)
    now_ms = int(time.time() * 1000)
    events = [{"timestamp": now_ms, "message": message} for message in messages]
    client.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)


def task(client: Any, id: str) -> dict[str, Any]:
    (found,) = client.describe_export_tasks(taskId=id)["exportTasks"]
    return dict(found)


def test_lines_are_exported_to_a_bucket(
    neighbours: Neighbours,
    start_server: Callable[..., LocalServer],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Given
    set_operator_variables(monkeypatch, "test")
    server = start_server(sandbox="process", endpoints=neighbours.setting)
    logs = make_client("logs", server.url)
    logs.create_log_group(logGroupName="g")
    write(logs, "g", "app/1", "first", "second\n")
    write(logs, "g", "app/2", "third")
    write(logs, "g", "other", "not this one")
    # When
    span = {"from": 0, "to": int(time.time() * 1000) + 60_000}
    asked = {"logGroupName": "g", "destinationPrefix": "exported", "logStreamNamePrefix": "app"}
    id = logs.create_export_task(destination=neighbours.bucket, **asked, **span)["taskId"]
    wait_until(lambda: task(logs, id)["status"]["code"] == "COMPLETED", "the export is complete")
    # Then
    objects = neighbours.objects(3)
    assert objects.pop("exported/aws-logs-write-test") == b"Permission Check Successful"
    assert sorted(objects) == [f"exported/{id}/app-{n}/000000.gz" for n in (1, 2)]
    lines = gzip.decompress(objects[f"exported/{id}/app-1/000000.gz"]).decode().splitlines()
    assert [line.split("Z ", 1)[1] for line in lines] == ["first", "second"]
    # and what has ended cannot be cancelled
    with pytest.raises(logs.exceptions.InvalidOperationException):
        logs.cancel_export_task(taskId=id)
    # and a bucket that is not there is refused
    with pytest.raises(logs.exceptions.InvalidParameterException, match="cannot be written to"):
        logs.create_export_task(destination="no-such-bucket", **asked, **span)
    logs.close()


def test_without_a_store_the_setting_is_named(logs_client: Any) -> None:
    logs_client.create_log_group(logGroupName="exported")
    with pytest.raises(logs_client.exceptions.InvalidParameterException, match="endpoints s3=URL"):
        logs_client.create_export_task(
            logGroupName="exported", destination="bucket", **{"from": 0, "to": 1}
        )
    logs_client.delete_log_group(logGroupName="exported")

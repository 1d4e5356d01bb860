"""As a developer I look at durable executions and steer them, over HTTP.

Nothing starts one yet: the test writes an execution into the state of a server that is stopped.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lambdad.model.durable_execution import DurableExecution
from lambdad.store.database import Database
from lambdad.store.resources import Resources
from lambdad.testing.server import LocalServer
from support.clients import ACCOUNT, REGION, make_client
from support.durable import TOKEN, make_execution, update
from support.functions import DeployedFunction
from support.waiting import wait_until

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def execution() -> DurableExecution:
    """An execution of the version 1 of `durable`."""
    execution = make_execution(account_id=ACCOUNT, region=REGION)
    return replace(execution, function_name="durable")


@pytest.fixture(scope="module")
def client(
    execution: DurableExecution,
    deploy: Callable[..., DeployedFunction],
    new_server: Callable[..., LocalServer],
    running_servers: list[LocalServer],
) -> Iterator[Any]:
    """Lambda at a server that has the execution."""
    server = new_server(sandbox="process").start()
    deploy(server, "echo", FunctionName="durable", Publish=True)
    server.stop()
    write(server.data_dir / "node", execution)
    server.start()
    client = make_client("lambda", server.url)
    yield client
    client.close()
    server.close()
    running_servers.remove(server)


def write(home: Path, execution: DurableExecution) -> None:
    """Put an execution into a state that nobody uses now; its files stay their owner's."""
    owner = (home / "state.db").stat()
    database = Database.open(home / "state.db")

    async def save() -> None:
        await (await Resources.load(database)).save(execution)

    asyncio.run(save())
    database.close()
    for file in home.glob("state.db*"):
        os.chown(file, owner.st_uid, owner.st_gid)


def test_a_life_of_an_execution(client: Any, execution: DurableExecution) -> None:
    # Given
    errors = client.exceptions
    arn = {"DurableExecutionArn": execution.arn}
    found = client.get_durable_execution(**arn)
    assert (found["Status"], found["InputPayload"]) == ("RUNNING", '{"a": 1}')
    assert found["StartTimestamp"].timestamp() == execution.started
    # When its invocation checkpoints
    updates = [
        update("c", "CALLBACK", "START", CallbackOptions={"TimeoutSeconds": 60}),
        update("s", "STEP", "RETRY", StepOptions={"NextAttemptDelaySeconds": 5}),
    ]
    kept = client.checkpoint_durable_execution(**arn, CheckpointToken=TOKEN, Updates=updates)
    callback, step = kept["NewExecutionState"]["Operations"]
    assert (step["Status"], step["StepDetails"]["Attempt"]) == ("PENDING", 1)
    state = client.get_durable_execution_state(**arn, CheckpointToken=kept["CheckpointToken"])
    assert [each["Id"] for each in state["Operations"]] == [execution.id, "c", "s"]
    with pytest.raises(errors.InvalidParameterValueException, match="Invalid checkpoint token"):
        client.checkpoint_durable_execution(**arn, CheckpointToken=TOKEN)
    # When it is paused, and the callback is answered meanwhile
    callback_id = {"CallbackId": callback["CallbackDetails"]["CallbackId"]}
    paused = client.pause_durable_execution(**arn, Reason="lunch")
    assert paused["ResponseMetadata"]["HTTPStatusCode"] == 202
    client.send_durable_execution_callback_heartbeat(**callback_id)
    client.send_durable_execution_callback_success(**callback_id, Result=b'{"yes": true}')
    with pytest.raises(errors.InvalidParameterValueException, match="completed already"):
        client.send_durable_execution_callback_failure(
            **callback_id, Error={"ErrorMessage": "late"}
        )
    # Then the invocation hears of it, and the execution rests
    news = client.checkpoint_durable_execution(**arn, CheckpointToken=kept["CheckpointToken"])
    (callback,) = news["NewExecutionState"]["Operations"]
    assert callback["CallbackDetails"]["Result"] == '{"yes": true}'
    assert "CheckpointToken" not in news
    found = client.get_durable_execution(**arn)
    assert (found["Status"], found["PauseDetails"]["Reason"]) == ("PAUSED", "lunch")
    with pytest.raises(errors.ResourceConflictException):
        client.delete_durable_execution(**arn)
    # When it goes on, is stopped, and deleted
    client.resume_durable_execution(**arn)
    listed = client.get_paginator("list_durable_executions_by_function").paginate(
        FunctionName="durable", Statuses=["RUNNING"], StartedAfter=execution.started - 1
    )
    arns = [each["DurableExecutionArn"] for page in listed for each in page["DurableExecutions"]]
    assert arns == [execution.arn]
    stopped = client.stop_durable_execution(**arn, Error={"ErrorMessage": "enough"})
    history = client.get_paginator("get_durable_execution_history").paginate(
        **arn, IncludeExecutionData=True, PaginationConfig={"PageSize": 2}
    )
    events = [event for page in history for event in page["Events"]]
    assert [event["EventType"] for event in events] == [
        "ExecutionStarted",
        "CallbackStarted",
        "StepFailed",
        "CallbackSucceeded",
        "ExecutionPaused",
        "ExecutionResumed",
        "ExecutionStopped",
    ]
    assert events[-1]["EventTimestamp"] == stopped["StopTimestamp"]
    error = {"ErrorMessage": "enough"}
    assert events[-1]["ExecutionStoppedDetails"]["Error"]["Payload"] == error
    assert client.delete_durable_execution(**arn)["DeletionRequestTimestamp"]

    # Then it goes
    def is_gone() -> bool:
        try:
            client.get_durable_execution(**arn)
        except errors.ResourceNotFoundException:
            return True
        return False

    wait_until(is_gone, "gone")


def test_what_is_not_there_and_what_cannot_be_is_refused(
    client: Any, execution: DurableExecution
) -> None:
    errors = client.exceptions
    missing = {"DurableExecutionArn": replace(execution, name="missing").arn}
    for call in (
        client.get_durable_execution,
        client.get_durable_execution_history,
        client.stop_durable_execution,
        client.pause_durable_execution,
        client.resume_durable_execution,
        client.delete_durable_execution,
    ):
        with pytest.raises(errors.ResourceNotFoundException):
            call(**missing)
    for call in (client.checkpoint_durable_execution, client.get_durable_execution_state):
        with pytest.raises(errors.InvalidParameterValueException):
            call(**missing, CheckpointToken=TOKEN)
    for call in (
        client.send_durable_execution_callback_success,
        client.send_durable_execution_callback_failure,
        client.send_durable_execution_callback_heartbeat,
    ):
        with pytest.raises(errors.ResourceNotFoundException):
            call(CallbackId="bm8=")
    with pytest.raises(errors.ResourceNotFoundException):
        client.list_durable_executions_by_function(FunctionName="missing")
    with pytest.raises(ClientError, match="ValidationException"):
        client.get_durable_execution(DurableExecutionArn="durable")

"""Durable executions for tests, and how a test writes checkpoints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lambdad.model.durable_checkpoint import checkpoint
from lambdad.model.durable_execution import DurableExecution, Request
from lambdad.model.durable_life import begin_invocation, start

NOW = 1_700_000_000.0
TOKEN = "Zmlyc3Q="  # of the invocation that runs


def make_execution(name: str = "order", *, token: str | None = TOKEN, **fields: Any) -> Any:
    """An execution that has just started, with an invocation that runs."""
    execution = start(
        DurableExecution(
            **{
                "account_id": "123456789012",
                "region": "eu-central-1",
                "function_name": "echo",
                "version": "1",
                "name": name,
                "id": f"id-{name}",
                "started": NOW,
                "execution_timeout": 3_600,
                "input": '{"a": 1}',
                **fields,
            }
        )
    )
    return begin_invocation(execution, token) if token else execution


def apply(
    execution: DurableExecution,
    *updates: dict[str, Any],
    now: float = NOW + 1,
    client_token: str | None = None,
) -> DurableExecution:
    """The execution after a checkpoint with the token that is due; the next one is new."""
    token = execution.checkpoint_token or ""
    request = Request(client_token, now, (token,))
    return checkpoint(execution, updates, request, new_token=f"{token[:-1]}A=")


def update(id: str, type: str, action: str, **members: Any) -> dict[str, Any]:
    """One of AWS's OperationUpdates."""
    return {"Id": id, "Type": type, "Action": action, **members}


def statuses(execution: DurableExecution) -> dict[str, str]:
    """The status of each operation but the first, by id."""
    return {each.id: each.status for each in execution.operations[1:]}


def event_types(execution: DurableExecution) -> Sequence[str]:
    """What has happened."""
    return [event.type for event in execution.events]

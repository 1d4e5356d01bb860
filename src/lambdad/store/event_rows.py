"""Events and deliveries as rows, and back."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select

from lambdad.model.event import Claim, Delivery, Event
from lambdad.model.fate import GivenUp
from lambdad.store.schema import event_payloads


def event_row(event: Event) -> dict[str, Any]:
    """What the queue and the dead events have in common."""
    return {
        "id": event.id,
        "request_id": event.request_id,
        "account_id": event.account_id,
        "region": event.region,
        "function_name": event.function_name,
        "qualifier": event.qualifier,
        "tenant_id": event.tenant_id,
        "trace_header": event.trace_header,
        "accepted_at": event.accepted_at,
        "tries": event.tries,
        "throttles": event.throttles,
    }


def dead_row(claim: Claim, fate: GivenUp, died_at: float) -> dict[str, Any]:
    """An event that was given up. Its fence grows on, should it be replayed."""
    end = {"tries": fate.tries, "fence": claim.fence + 1, "died_at": died_at}
    return event_row(claim.event) | end | {"condition": fate.condition, "error": fate.error}


def read_event(row: Row[Any], payload: bytes) -> Event:
    """The event of a row of either table."""
    return Event(
        id=row.id,
        request_id=row.request_id,
        account_id=row.account_id,
        region=row.region,
        function_name=row.function_name,
        qualifier=row.qualifier,
        tenant_id=row.tenant_id,
        trace_header=row.trace_header,
        accepted_at=row.accepted_at,
        tries=row.tries,
        throttles=row.throttles,
        payload=payload,
    )


_PAYLOADS = select(event_payloads.c.id, event_payloads.c.payload).where(
    event_payloads.c.id.in_(bindparam("ids", expanding=True))
)


def payloads(connection: Connection, ids: list[int]) -> dict[int, bytes]:
    """The payloads of these events."""
    rows = connection.execute(_PAYLOADS, {"ids": ids})
    return {id: payload for id, payload in rows}


def delivery_row(delivery: Delivery) -> dict[str, Any]:
    """A delivery that is due at once."""
    return {
        "id": delivery.id,
        "event_id": delivery.event_id,
        "kind": delivery.kind,
        "target_arn": delivery.target_arn,
        "account_id": delivery.account_id,
        "region": delivery.region,
        "function_name": delivery.function_name,
        "request_id": delivery.request_id,
        "role": delivery.role,
        "trace_header": delivery.trace_header,
        "attributes": json.dumps(delivery.attributes),
        "body": delivery.body,
        "created_at": delivery.created_at,
        "tries": delivery.tries,
        "due_at": delivery.created_at,
    }


def read_delivery(row: Row[Any]) -> Delivery:
    """The delivery of a row."""
    return Delivery(
        id=row.id,
        event_id=row.event_id,
        kind=row.kind,
        target_arn=row.target_arn,
        account_id=row.account_id,
        region=row.region,
        function_name=row.function_name,
        request_id=row.request_id,
        role=row.role,
        trace_header=row.trace_header,
        attributes=json.loads(row.attributes),
        body=row.body,
        created_at=row.created_at,
        tries=row.tries,
    )

"""The body of an error, for json, rest-json and cbor."""

from __future__ import annotations

from typing import Any

from botocore.model import Shape

from lambdad.gateway.protocols.protocol import Fault
from lambdad.gateway.protocols.shape_values import ShapeValues, wire_name


def error_body(fault: Fault, values: ShapeValues) -> dict[str, Any]:
    """Message and members of `fault`, named as its exception shape names them."""
    if fault.shape is None:
        return {"message": fault.message}
    members = dict(body_members(fault.shape))
    body: dict[str, Any] = {}
    if "Type" in members:
        body["Type"] = "User" if fault.is_senders else "Service"
    body["Message" if "Message" in members else "message"] = fault.message
    for name, value in fault.members.items():
        if name in members and value is not None:
            body[wire_name(name, members[name])] = values.writer(members[name])(value)
    return body


def body_members(shape: Any) -> list[tuple[str, Shape]]:
    """The members of a structure that stand in the body."""
    return [
        (name, member)
        for name, member in shape.members.items()
        if not member.serialization.get("location")
    ]

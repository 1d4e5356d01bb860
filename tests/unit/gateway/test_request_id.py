"""Every request has an id of its own, in the form that AWS's have."""

from __future__ import annotations

from uuid import RFC_4122, UUID

from lambdad.gateway.request_id import make_request_id


def test_it_is_a_random_uuid() -> None:
    ids = [make_request_id() for _ in range(200)]
    assert len(set(ids)) == 200
    for text in ids:
        uuid = UUID(text)
        assert (str(uuid), uuid.version, uuid.variant) == (text, 4, RFC_4122)
    assert {text[19] for text in ids} == set("89ab")

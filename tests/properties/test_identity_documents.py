"""Everything of IAM and STS is the same after it was written to a document and read back."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdad.model.iam.access_key import AccessKey
from lambdad.model.iam.account_alias import AccountAlias
from lambdad.model.iam.group import Group
from lambdad.model.iam.instance_profile import InstanceProfile
from lambdad.model.iam.managed_policy import ManagedPolicy, PolicyVersion
from lambdad.model.iam.role import Role
from lambdad.model.iam.user import User
from lambdad.model.session import Session
from lambdad.store.documents import parse_resource, serialize_resource

pytestmark = pytest.mark.slow

KINDS = (AccessKey, AccountAlias, Group, InstanceProfile, ManagedPolicy, Role, Session, User)
moments = st.floats(allow_nan=False, allow_infinity=False)


def everything(kind: type[Any]) -> st.SearchStrategy[Any]:
    """Members of any value, also those that have a default."""
    members: dict[str, Any] = {field.name: ... for field in fields(kind)}
    members |= {name: moments for name in ("created", "updated", "expires") if name in members}
    if kind is ManagedPolicy:
        versions = st.builds(PolicyVersion, created=moments)
        members["versions"] = st.lists(versions, max_size=3).map(tuple)
    return st.builds(kind, **members)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.kind)
@given(data=st.data())
def test_a_resource_survives_the_round_trip(kind: type[Any], data: st.DataObject) -> None:
    resource = data.draw(everything(kind))
    assert parse_resource(kind.kind, serialize_resource(resource)) == resource

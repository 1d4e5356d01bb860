"""The kinds of entities that have a name and a path: how a request names one, and finds it."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from lambdad.model.caller import RequestContext
from lambdad.model.iam.group import Group
from lambdad.model.iam.instance_profile import InstanceProfile
from lambdad.model.iam.managed_policy import ManagedPolicy
from lambdad.model.iam.role import Role
from lambdad.model.iam.user import User
from lambdad.services.iam.errors import already_exists, no_such_entity
from lambdad.services.iam.iam import Iam

# Who may have policies.
Bearer = Role | User | Group
Entity = Role | User | Group | InstanceProfile | ManagedPolicy
E = TypeVar("E", bound=Entity)
E_co = TypeVar("E_co", bound=Entity, covariant=True)

_ID_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_ID_LENGTH = 17  # characters behind the prefix


@dataclass(frozen=True, slots=True)
class Kind(Generic[E_co]):
    """One kind of entity.

    `noun` is how operations and parameters have it (AttachRolePolicy, RoleName), `missing` and
    `taken` what AWS says.
    """

    noun: str
    resource: type[E_co]
    id_prefix: str
    missing: str
    taken: str

    @property
    def parameter(self) -> str:
        """The parameter that names one."""
        return f"{self.noun}Name"


ROLE = Kind(
    "Role",
    Role,
    "AROA",
    "The role with name {} cannot be found.",
    "Role with name {} already exists.",
)
USER = Kind(
    "User",
    User,
    "AIDA",
    "The user with name {} cannot be found.",
    "User with name {} already exists.",
)
GROUP = Kind(
    "Group",
    Group,
    "AGPA",
    "The group with name {} cannot be found.",
    "Group with name {} already exists.",
)
BEARERS: tuple[Kind[Bearer], ...] = (GROUP, ROLE, USER)
INSTANCE_PROFILE = Kind(
    "InstanceProfile",
    InstanceProfile,
    "AIPA",
    "Instance Profile {} cannot be found.",
    "Instance Profile {} already exists.",
)
POLICY = Kind(
    "Policy",
    ManagedPolicy,
    "ANPA",
    "Policy {} was not found.",
    "A policy called {} already exists. Duplicate names are not allowed.",
)


def find(iam: Iam, context: RequestContext, kind: Kind[E], request: Mapping[str, Any]) -> E:
    """The entity that a request names, or AWS's error when there is none.

    AWS says that names are not distinguished by case; here that holds for looking them up too.
    """
    name = request[kind.parameter]
    entity = iam.resources.find(kind.resource, context.caller.account_id, "", name.lower())
    if entity is None:
        raise no_such_entity(kind.missing.format(name))
    return entity


def refuse_taken(iam: Iam, context: RequestContext, kind: Kind[E], name: str) -> None:
    """Refuse the name of a new entity that another one has."""
    if iam.resources.find(kind.resource, context.caller.account_id, "", name.lower()):
        raise already_exists(kind.taken.format(name))


def beneath_path(
    iam: Iam, context: RequestContext, kind: Kind[E], request: Mapping[str, Any]
) -> Iterator[tuple[str, E]]:
    """The caller's entities below the request's PathPrefix, each with its marker."""
    prefix = request.get("PathPrefix", "/")
    for entity in iam.resources.list(kind.resource, context.caller.account_id, ""):
        if entity.path.startswith(prefix):
            yield entity.key[2], entity


def new_id(kind: Kind[E]) -> str:
    """A unique id, which no entity has after this one, even if it has its name."""
    return kind.id_prefix + "".join(secrets.choice(_ID_ALPHABET) for _ in range(_ID_LENGTH))

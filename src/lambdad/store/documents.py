"""Resources as JSON documents, and back.

A document names its format, and every member that it holds must be known: one that a newer lambdad
wrote is refused with a sentence rather than read with parts missing. A member that an older
lambdad did not write yet gets the default of its dataclass.
"""

from __future__ import annotations

import json
import types
from collections.abc import Callable, Mapping
from dataclasses import asdict, fields, is_dataclass
from functools import cache
from typing import Any, Union, get_args, get_origin, get_type_hints

from lambdad.errors import PlatformError
from lambdad.model.alarm_document import Alarm
from lambdad.model.alias import Alias
from lambdad.model.capacity_provider import CapacityProvider
from lambdad.model.code_signing import CodeSigningConfig
from lambdad.model.dashboard import Dashboard
from lambdad.model.durable_execution import DurableExecution
from lambdad.model.event_invoke_config import EventInvokeConfig
from lambdad.model.event_source_mapping import EventSourceMapping
from lambdad.model.export_task import ExportTask
from lambdad.model.function import Function, FunctionVersion
from lambdad.model.function_url import FunctionUrl
from lambdad.model.iam.access_key import AccessKey
from lambdad.model.iam.account_alias import AccountAlias
from lambdad.model.iam.group import Group
from lambdad.model.iam.instance_profile import InstanceProfile
from lambdad.model.iam.managed_policy import ManagedPolicy
from lambdad.model.iam.role import Role
from lambdad.model.iam.user import User
from lambdad.model.layer import Layer, LayerVersion
from lambdad.model.log_group_settings import LogGroupSettings
from lambdad.model.metric_filter import MetricFilter
from lambdad.model.policy import LayerPolicy, Policy
from lambdad.model.provisioned_concurrency import ProvisionedConcurrency
from lambdad.model.query_definition import QueryDefinition
from lambdad.model.resource import Resource
from lambdad.model.runtime_management import RuntimeManagementConfig
from lambdad.model.scaling_config import ScalingConfig
from lambdad.model.session import Session
from lambdad.model.subscription_filter import SubscriptionFilter

FORMAT = 1

# Every kind of resource that is kept.
KINDS: tuple[type[Resource], ...] = (
    Alarm,
    Alias,
    CapacityProvider,
    CodeSigningConfig,
    Dashboard,
    DurableExecution,
    Function,
    FunctionVersion,
    Layer,
    LayerVersion,
    EventInvokeConfig,
    EventSourceMapping,
    FunctionUrl,
    RuntimeManagementConfig,
    ProvisionedConcurrency,
    ScalingConfig,
    Policy,
    LayerPolicy,
    QueryDefinition,
    *(ExportTask, LogGroupSettings, MetricFilter, SubscriptionFilter),
    *(AccessKey, AccountAlias, Group, InstanceProfile, ManagedPolicy, Role, Session, User),
)

_KIND_OF: Mapping[str, type[Resource]] = types.MappingProxyType({kind.kind: kind for kind in KINDS})


def serialize_resource(resource: Any) -> str:
    """The document of `resource`."""
    document = {"format": FORMAT, resource.kind: asdict(resource)}
    return json.dumps(document, separators=(",", ":"), allow_nan=False)


def parse_resource(kind: str, text: str) -> Any:
    """The resource of a document; raises PlatformError if it cannot be read in full."""
    if kind not in _KIND_OF:
        raise PlatformError(f"This lambdad knows no {kind}. A newer lambdad wrote it.")
    document = json.loads(text)
    if document["format"] != FORMAT:
        raise PlatformError(
            f"A {kind}'s document has format {document['format']}; this lambdad reads {FORMAT}."
        )
    return _reader(_KIND_OF[kind])(document[kind])


@cache
def _reader(of: Any) -> Callable[[Any], Any]:
    """What makes a value of the type `of` from what JSON made of it."""
    if is_dataclass(of):
        return _dataclass_reader(of)
    origin, arguments = get_origin(of), get_args(of)
    if origin in (Union, types.UnionType):
        (inner,) = (argument for argument in arguments if argument is not types.NoneType)
        read = _reader(inner)
        return read if read is _as_it_is else lambda value: None if value is None else read(value)
    if origin is tuple:
        read = _reader(arguments[0])
        return lambda value: tuple(map(read, value))
    if origin in (list, dict):
        read = _reader(arguments[-1])
        if read is not _as_it_is:
            raise TypeError(f"{of} cannot be read from a document: use a tuple.")
    return _as_it_is


def _dataclass_reader(of: Any) -> Callable[[Any], Any]:
    hints = get_type_hints(of)
    readers = {field.name: _reader(hints[field.name]) for field in fields(of)}
    nested = [(name, read) for name, read in readers.items() if read is not _as_it_is]

    def read(members: dict[str, Any]) -> Any:
        unknown = members.keys() - readers.keys()
        if unknown:
            raise PlatformError(
                f"A {of.__name__} document holds members that this lambdad does not know: "
                f"{', '.join(sorted(unknown))}. A newer lambdad wrote it."
            )
        for name, read_member in nested:
            if name in members:
                members[name] = read_member(members[name])
        return of(**members)

    return read


def _as_it_is(value: Any) -> Any:
    return value

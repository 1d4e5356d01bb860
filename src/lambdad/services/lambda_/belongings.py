"""What belongs to a function, a version or an alias, and goes when it goes."""

from __future__ import annotations

from lambdad.model.alias import Alias
from lambdad.model.durable_execution import DurableExecution
from lambdad.model.event_invoke_config import EventInvokeConfig
from lambdad.model.function import FunctionVersion
from lambdad.model.function_url import FunctionUrl
from lambdad.model.policy import Policy
from lambdad.model.provisioned_concurrency import ProvisionedConcurrency
from lambdad.model.resource import Key, Resource
from lambdad.model.runtime_management import RuntimeManagementConfig
from lambdad.model.scaling_config import ScalingConfig
from lambdad.store.resources import Resources

# Kinds whose ids are `function` or `function:qualifier`, or begin so.
KINDS: tuple[type[Resource], ...] = (
    Alias,
    DurableExecution,
    EventInvokeConfig,
    FunctionUrl,
    FunctionVersion,
    Policy,
    ProvisionedConcurrency,
    RuntimeManagementConfig,
    ScalingConfig,
)


def belongings(resources: Resources, key: Key) -> list[Resource]:
    """Everything beneath the function, version or alias with this key, itself among it if it is of
    such a kind."""
    return [each for kind in KINDS for each in resources.beneath(kind, key)]

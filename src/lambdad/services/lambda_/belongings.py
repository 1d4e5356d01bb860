"""What belongs to a function, a version or an alias, and goes when it goes."""

from __future__ import annotations

from lambdad.model.alias import Alias
from lambdad.model.durable_execution import DurableExecution
from lambdad.model.function import FunctionVersion
from lambdad.model.resource import Key, Resource
from lambdad.model.runtime_management import RuntimeManagementConfig
from lambdad.store.resources import Resources

# Kinds whose ids are `function` or `function:qualifier`, or begin so.
KINDS: tuple[type[Resource], ...] = (
    Alias,
    FunctionVersion,
    RuntimeManagementConfig,
    DurableExecution,
)


def belongings(resources: Resources, key: Key) -> list[Resource]:
    """Everything of these kinds at or beneath this key: a version or an alias, too, itself."""
    return [each for kind in KINDS for each in resources.beneath(kind, key)]

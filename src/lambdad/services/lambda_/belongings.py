"""What belongs to a function, a version or an alias, and goes when it goes."""

from __future__ import annotations

from lambdad.model.alias import Alias
from lambdad.model.event_invoke_config import EventInvokeConfig
from lambdad.model.function import FunctionVersion
from lambdad.model.function_url import FunctionUrl
from lambdad.model.resource import Key, Resource
from lambdad.store.resources import Resources

# Kinds whose ids are `function` or `function:qualifier`.
KINDS: tuple[type[Resource], ...] = (Alias, FunctionVersion, EventInvokeConfig, FunctionUrl)


def belongings(resources: Resources, key: Key) -> list[Resource]:
    """Everything of these kinds at or beneath this key: a version or an alias, too, itself."""
    return [each for kind in KINDS for each in resources.beneath(kind, key)]

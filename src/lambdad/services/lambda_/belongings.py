"""What belongs to a function, a version or an alias, and goes when it goes."""

from __future__ import annotations

from lambdad.model.alias import Alias
from lambdad.model.event_invoke_config import EventInvokeConfig
from lambdad.model.function import FunctionVersion
from lambdad.model.function_url import FunctionUrl
from lambdad.model.resource import Resource
from lambdad.store.resources import Resources

# Kinds whose ids are `function` or `function:qualifier`.
KINDS: tuple[type[Resource], ...] = (Alias, EventInvokeConfig, FunctionUrl, FunctionVersion)


def belongings(resources: Resources, owner: Resource) -> list[Resource]:
    """Everything beneath this function, version or alias."""
    every = (each for kind in KINDS for each in resources.beneath(kind, owner.key))
    return [each for each in every if each is not owner]

"""What belongs to a function, a version or an alias, and goes when it goes."""

from __future__ import annotations

from lambdad.model.alias import Alias
from lambdad.model.function import FunctionVersion
from lambdad.model.policy import Policy
from lambdad.model.resource import Key, Resource
from lambdad.store.resources import Resources

# Kinds whose ids are `function` or `function:qualifier`.
KINDS: tuple[type[Resource], ...] = (Alias, FunctionVersion, Policy)


def belongings(resources: Resources, key: Key) -> list[Resource]:
    """Everything at or beneath the key of a function, version or alias; the latter two as well."""
    return [each for kind in KINDS for each in resources.beneath(kind, key)]

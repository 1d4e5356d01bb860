"""What belongs to a function, a version or an alias, and goes when it goes."""

from __future__ import annotations

from lambdad.model.alias import Alias
from lambdad.model.function import FunctionVersion
from lambdad.model.provisioned_concurrency import ProvisionedConcurrency
from lambdad.model.resource import Key, Resource
from lambdad.model.scaling_config import ScalingConfig
from lambdad.store.resources import Resources

# Kinds whose ids are `function` or `function:qualifier`.
KINDS: tuple[type[Resource], ...] = (
    Alias,
    FunctionVersion,
    ProvisionedConcurrency,
    ScalingConfig,
)


def belongings(resources: Resources, key: Key) -> list[Resource]:
    """Everything beneath the function, version or alias with this key, and what has the same key:
    its configs have, as itself."""
    return [each for kind in KINDS for each in resources.beneath(kind, key)]

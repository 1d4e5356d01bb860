"""How much room the packages of an account take in a region, as AWS counts it."""

from __future__ import annotations

from lambdad.model.function import Function, FunctionVersion
from lambdad.model.layer import LayerVersion
from lambdad.store.resources import Resources


def code_storage(resources: Resources, account_id: str, region: str) -> int:
    """Bytes of the packages of all functions, versions and layers; each counts for itself."""
    place = (account_id, region)
    functions = sum(each.newest.code.size for each in resources.list(Function, *place))
    versions = sum(each.code.size for each in resources.list(FunctionVersion, *place))
    layers = sum(each.code.size for each in resources.list(LayerVersion, *place))
    return functions + versions + layers

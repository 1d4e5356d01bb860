"""What lambdad does not do yet: the one table of parameters.

Nothing here is ignored silently. A caller hears the name of what is missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from lambdad.errors import ClientError

# Each with the one value, beside an empty one, that asks for nothing.
PARAMETERS: Mapping[str, str | None] = MappingProxyType(
    {
        "AcceleratorConfig": None,
        "DurableExecutionName": None,
        "RuntimeConfig": None,
    }
)


def refuse_unsupported(request: Mapping[str, Any]) -> None:
    """Raise an error that names the first parameter which asks for what lambdad cannot do."""
    for path, harmless in PARAMETERS.items():
        first, _, second = path.partition(".")
        value = request.get(first)
        if second and value:
            value = value.get(second)
        if value != harmless and _asks(value):
            raise ClientError(
                "InvalidParameterValueException",
                f"lambdad does not support this value of the parameter {path} yet."
                if harmless
                else f"lambdad does not support the parameter {path} yet.",
            )


def _asks(value: Any) -> bool:
    """Whether there is anything in a value: `{"TargetArn": ""}` asks for nothing."""
    if isinstance(value, Mapping):
        return any(_asks(member) for member in value.values())
    return bool(value)

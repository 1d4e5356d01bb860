"""What lambdad does not do yet: the one table of parameters.

Nothing here is ignored silently. A caller hears the name of what is missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lambdad.errors import ClientError

PARAMETERS = frozenset({"AcceleratorConfig", "DurableExecutionName", "RuntimeConfig"})


def refuse_unsupported(request: Mapping[str, Any]) -> None:
    """Raise an error that names a parameter which asks for what lambdad cannot do."""
    for name in sorted(PARAMETERS & request.keys()):
        if _asks(request[name]):
            raise ClientError(
                "InvalidParameterValueException",
                f"lambdad does not support the parameter {name} yet.",
            )


def _asks(value: Any) -> bool:
    """Whether there is anything in a value: `{"TargetArn": ""}` asks for nothing."""
    if isinstance(value, Mapping):
        return any(_asks(member) for member in value.values())
    return bool(value)

"""Which runtimes this server has, and whose functions they run: `lambdad runtimes` asks for it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

from lambdad.model.caller import Caller
from lambdad.model.runtime import choose_runtime, is_os_only, missing_languages
from lambdad.services.lambda_.control_plane import ControlPlane
from lambdad.services.lambda_.parameters import RETIRED_RUNTIMES

PATH = "/_lambdad/runtimes"

Route = Callable[[Caller, Mapping[str, str]], Awaitable[Mapping[str, Any]]]


def runtime_routes(control: ControlPlane) -> dict[str, Route]:
    """Methods and paths."""
    return {f"GET {PATH}": partial(_show, control)}


async def _show(control: ControlPlane, caller: Caller, query: Mapping[str, str]) -> dict[str, Any]:
    """What is here, which of AWS's runtimes each of them serves, and what brings the rest."""
    served: dict[str, list[str]] = {}
    for runtime in control.known_runtimes:
        chosen = choose_runtime(runtime, control.interpreters, control.strict_runtimes)
        if chosen is not None and runtime not in RETIRED_RUNTIMES:
            own = runtime if is_os_only(runtime) else chosen.name
            served.setdefault(own, []).append(runtime)
    here = [
        {
            "Runtime": each.name,
            "Version": each.version,
            "Executable": each.executable,
            "Serves": served.get(each.name, []),
        }
        for each in control.interpreters
    ]
    brought = [{"Runtime": each, "Serves": served[each]} for each in served if is_os_only(each)]
    missing = missing_languages(control.interpreters)
    return {
        "Runtimes": [*here, *brought],
        "Missing": [{"Language": name, "Install": how} for name, how in missing.items()],
    }

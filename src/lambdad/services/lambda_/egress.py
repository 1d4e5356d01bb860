"""How far a function asks to reach, in a variable of its environment, and how far it may."""

from __future__ import annotations

from collections.abc import Mapping

from lambdad.errors import invalid_parameter
from lambdad.model.function import EGRESS_LEVELS, EGRESS_VARIABLE


def check_egress(most: str, variables: Mapping[str, str]) -> None:
    """Refuse what is no egress, or more than `most`, the operator's."""
    if EGRESS_VARIABLE not in variables:
        return
    asked = variables[EGRESS_VARIABLE]
    if asked not in EGRESS_LEVELS:
        raise invalid_parameter(
            f"The variable {EGRESS_VARIABLE} must be one of {', '.join(EGRESS_LEVELS)}, not "
            f"{asked!r}."
        )
    if EGRESS_LEVELS.index(asked) > EGRESS_LEVELS.index(most):
        raise invalid_parameter(
            f"The variable {EGRESS_VARIABLE} cannot be {asked}: functions of this server have "
            f"{most} at most, by its setting egress."
        )

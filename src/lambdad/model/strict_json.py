"""JSON as its standard says: no NaN, no Infinity."""

from __future__ import annotations

import json
from typing import NoReturn


def _refuse_constant(constant: str) -> NoReturn:
    raise ValueError(f"Non-standard token '{constant}'")


DECODER = json.JSONDecoder(parse_constant=_refuse_constant)
# For whom only whether it is JSON matters: numbers stay text, however many digits they have.
CHECKER = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=_refuse_constant)

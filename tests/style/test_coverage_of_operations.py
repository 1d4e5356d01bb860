"""Every operation of Lambda and STS that is served is driven by an integration test."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from botocore import xform_name

from lambdad.services import lambda_, sts

INTEGRATION = Path(__file__).parents[1] / "integration"
SUPPORT = Path(__file__).parents[1] / "support"
NOTHING: Any = None
SERVED = sorted(
    name for table in (lambda_.operations(NOTHING), sts.operations(NOTHING)) for _, name in table
)
CALLED = {
    word
    for directory in (INTEGRATION, SUPPORT)
    for path in directory.glob("*.py")
    for word in re.findall(r"\w+", path.read_text())
}


@pytest.mark.parametrize("operation", SERVED)
def test_an_integration_test_calls_it(operation: str) -> None:
    assert {operation, xform_name(operation)} & CALLED

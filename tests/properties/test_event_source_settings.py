"""Whatever the model allows a mapping to ask: it is taken as a whole or refused with a sentence."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parents[1] / "conformance"))

from shape_strategies import values

from lambdad.errors import ClientError
from lambdad.gateway.models import load_service_model
from lambdad.model.event_source import COMMON_MEMBERS, SOURCES, EventSource
from lambdad.services.lambda_.event_source_settings import changed_settings, new_settings

pytestmark = pytest.mark.slow
NOW = 1_700_000_000.0
UUID = "00000000-0000-0000-0000-000000000000"
MODEL = load_service_model("lambda")


def requests(operation: str, source: EventSource) -> st.SearchStrategy[dict[str, Any]]:
    """What a request to a mapping of this source may say: often members that it takes."""
    shape = MODEL.operation_model(operation).input_shape
    own = {
        name: values(member)
        for name, member in shape.members.items()
        if name in source.members | COMMON_MEMBERS
    }
    needed = {name: value for name, value in own.items() if name in source.required}
    fitting = st.fixed_dictionaries(
        needed, optional={name: value for name, value in own.items() if name not in needed}
    )
    return st.one_of(fitting, fitting, values(shape))


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
@settings(deadline=None, max_examples=40, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_settings_are_whole_or_refused(source: EventSource, data: st.DataObject) -> None:
    # A new mapping
    asked = data.draw(requests("CreateEventSourceMapping", source))
    try:
        new = new_settings(source, asked, UUID, NOW)
    except ClientError:
        return
    assert json.loads(json.dumps(new)) == new
    assert changed_settings(source, new, {}) == new
    # And an update of it
    wanted = data.draw(requests("UpdateEventSourceMapping", source))
    try:
        changed = changed_settings(source, new, wanted)
    except ClientError:
        return
    assert json.loads(json.dumps(changed)) == changed
    assert changed_settings(source, changed, {}) == changed
    assert source.defaults.keys() <= changed.keys()

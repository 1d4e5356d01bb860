"""Every function is the same after it was written to a document and read back."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdad.errors import PlatformError
from lambdad.model.function import AttachedLayer, Code, Function, FunctionVersion, Status
from lambdad.store.documents import parse_resource, serialize_resource

pytestmark = pytest.mark.slow

texts = st.text(st.characters())  # any, also surrogates
settings = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
statuses = st.builds(Status, value=texts, reason=st.none() | texts, reason_code=st.none() | texts)
codes = st.builds(Code, sha256=texts, size=st.integers())
versions = st.builds(
    FunctionVersion,
    account_id=texts,
    code=codes,
    last_modified=st.floats(allow_nan=False, allow_infinity=False),
    state=statuses,
    last_update=st.none() | statuses,
    variables=st.dictionaries(texts, texts, max_size=3),
    runtime_in_use=st.none() | texts,
    settings=st.dictionaries(texts, settings, max_size=3),
    layers=st.lists(st.builds(AttachedLayer, arn=texts, code=codes), max_size=3).map(tuple),
)
functions = st.builds(
    Function,
    latest=versions,
    tags=st.dictionaries(texts, texts, max_size=3),
    pending=st.none() | versions,
)


@given(functions)
def test_function_survives_the_round_trip(function: Function) -> None:
    assert parse_resource("function", serialize_resource(function)) == function


@given(functions, st.text(min_size=1))
def test_member_of_a_newer_lambdad_is_never_dropped_silently(function: Function, name: str) -> None:
    document = json.loads(serialize_resource(function))
    for part in (document["function"], document["function"]["latest"]):
        if name in part:
            continue
        changed = json.loads(json.dumps(document))
        target = (
            changed["function"] if part is document["function"] else changed["function"]["latest"]
        )
        target[name] = 1
        with pytest.raises(PlatformError):
            parse_resource("function", json.dumps(changed))


@given(functions)
def test_member_that_an_older_lambdad_did_not_write_gets_its_default(function: Function) -> None:
    document = json.loads(serialize_resource(function))
    del document["function"]["latest"]["timeout"]
    assert parse_resource("function", json.dumps(document)).latest.timeout == 3

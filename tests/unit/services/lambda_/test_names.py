"""Six ways to name a function, and what AWS answers to the wrong ones."""

from __future__ import annotations

import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdad.errors import ClientError
from lambdad.model.caller import Caller, RequestContext
from lambdad.services.lambda_.names import FunctionName, resolve, resolve_latest

ACCOUNT = "123456789012"
REGION = "eu-central-1"
NAMES = st.text(string.ascii_letters + string.digits + "-_", min_size=1, max_size=64)
QUALIFIERS = st.none() | st.sampled_from(["$LATEST", "1", "prod"])


def resolved(text: str, **request: Any) -> FunctionName:
    caller = Caller(ACCOUNT, REGION)
    context = RequestContext("r-1", "lambda", "Invoke", caller, "http://127.0.0.1:4566")
    return resolve(context, {"FunctionName": text, **request})


def refusal(text: str, **request: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        resolved(text, **request)
    return caught.value.code, caught.value.message


@given(NAMES, QUALIFIERS, st.booleans())
def test_every_form_names_the_same_function(
    name: str, qualifier: str | None, is_parameter: bool
) -> None:
    in_name = f":{qualifier}" if qualifier and not is_parameter else ""
    parameters = {"Qualifier": qualifier} if qualifier and is_parameter else {}
    for prefix in (
        "",
        "function:",
        f"{ACCOUNT}:function:",
        f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:",
    ):
        it = resolved(f"{prefix}{name}{in_name}", **parameters)
        assert it == FunctionName(ACCOUNT, REGION, name, qualifier)
        assert it.key == (ACCOUNT, REGION, name)


@given(st.text(min_size=1, max_size=300))
def test_any_other_text_is_refused_and_nothing_else_happens(text: str) -> None:
    try:
        name = resolved(text)
    except ClientError:
        return
    assert text in (name.name, f"{name.name}:{name.qualifier}")


@pytest.mark.parametrize("text", ["name\n", "a b", "arn:aws:s3:::x", "١٢٣:function:x", ":x", "x:"])
def test_what_is_no_name_fails_validation(text: str) -> None:
    assert refusal(text)[0] == "ValidationException"


def test_a_name_has_at_most_64_characters() -> None:
    assert resolved("n" * 64).name == "n" * 64
    assert refusal("n" * 65) == (
        "InvalidParameterValueException",
        f"1 validation error detected: Value '{'n' * 65}' at 'functionName' failed to satisfy "
        "constraint: Member must have length less than or equal to 64",
    )


def test_qualifiers_that_differ_are_refused() -> None:
    assert resolved("f:1", Qualifier="1").qualifier == "1"
    assert refusal("f:1", Qualifier="2") == (
        "InvalidParameterValueException",
        "The derived qualifier from the function name does not match the specified qualifier.",
    )


def test_functions_of_another_region_are_not_here() -> None:
    assert refusal(f"arn:aws:lambda:us-west-2:{ACCOUNT}:function:f") == (
        "ResourceNotFoundException",
        "Functions from 'us-west-2' are not reachable in this region ('eu-central-1')",
    )


def test_functions_of_another_account_need_a_permission() -> None:
    code, message = refusal("999999999999:function:f")
    assert code == "AccessDeniedException"
    assert message.startswith(
        f"User: arn:aws:iam::{ACCOUNT}:root is not authorized to perform: lambda:InvokeFunction "
        "on resource: arn:aws:lambda:eu-central-1:999999999999:function:f"
    )


def test_only_latest_can_be_changed() -> None:
    caller = Caller(ACCOUNT, REGION)
    context = RequestContext("r-1", "lambda", "UpdateFunctionCode", caller, "http://localhost")
    assert resolve_latest(context, {"FunctionName": "f:$LATEST"}).qualifier == "$LATEST"
    with pytest.raises(ClientError, match="Only the \\$LATEST version"):
        resolve_latest(context, {"FunctionName": "f:prod"})

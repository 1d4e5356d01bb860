"""The words in which AWS says that parameters break their model."""

from __future__ import annotations

from typing import Any

import pytest

from lambdad.errors import ClientError
from lambdad.gateway.models import load_service_model
from lambdad.gateway.validation import Validation

LAMBDA = load_service_model("lambda")
LOGS = load_service_model("logs")
FUNCTION = {"FunctionName": "f", "Role": "arn:aws:iam::123456789012:role/r", "Code": {}}


def message(operation: str, parameters: dict[str, Any], excepted: tuple[str, ...] = ()) -> str:
    """What a caller is told; empty when nothing is wrong."""
    model = LAMBDA if operation in LAMBDA.operation_names else LOGS
    validate = Validation(excepted).compile(model.operation_model(operation).input_shape)
    try:
        validate(parameters)
    except ClientError as error:
        return error.message
    return ""


def test_the_error_is_a_validation_exception() -> None:
    validate = Validation().compile(LAMBDA.operation_model("CreateFunction").input_shape)
    with pytest.raises(ClientError) as caught:
        validate({})
    assert (caught.value.code, caught.value.status) == ("ValidationException", 400)


def test_good_parameters_pass() -> None:
    assert message("CreateFunction", FUNCTION) == ""


def test_a_missing_member_is_null_without_quotes() -> None:
    parameters = {k: v for k, v in FUNCTION.items() if k != "Code"}
    assert message("CreateFunction", parameters) == (
        "1 validation error detected: Value null at 'code' failed to satisfy constraint: "
        "Member must not be null"
    )


def test_a_broken_pattern_shows_the_pattern_of_the_model() -> None:
    assert message("CreateFunction", {**FUNCTION, "Role": ""}) == (
        "1 validation error detected: Value '' at 'role' failed to satisfy constraint: Member must "
        r"satisfy regular expression pattern: arn:(aws[a-zA-Z-]*)?:iam::\d{12}:role/?"
        r"[a-zA-Z_0-9+=,.@\-_/]+"
    )


def test_several_errors_are_counted_and_joined() -> None:
    assert message("CreateFunction", {**FUNCTION, "Timeout": 0, "MemorySize": 1}) == (
        "2 validation errors detected: "
        "Value '0' at 'timeout' failed to satisfy constraint: "
        "Member must have value greater than or equal to 1; "
        "Value '1' at 'memorySize' failed to satisfy constraint: "
        "Member must have value greater than or equal to 128"
    )


def test_an_enum_shows_its_set() -> None:
    assert message("CreateFunction", {**FUNCTION, "PackageType": "Tar"}) == (
        "1 validation error detected: Value 'Tar' at 'packageType' failed to satisfy constraint: "
        "Member must satisfy enum value set: [Zip, Image]"
    )


def test_a_bad_item_condemns_the_whole_list_with_all_constraints() -> None:
    # The text that AWS is known to answer with, word for word.
    parameters = {
        "FunctionName": "f",
        "AuthType": "NONE",
        "Cors": {"AllowMethods": ["GET", "POST", "OPTIONS"]},
    }
    assert message("CreateFunctionUrlConfig", parameters) == (
        "1 validation error detected: Value '[GET, POST, OPTIONS]' at 'cors.allowMethods' failed "
        "to satisfy constraint: Member must satisfy constraint: [Member must have length less than "
        "or equal to 6, Member must have length greater than or equal to 0, Member must satisfy "
        "regular expression pattern: .*, Member must not be null]"
    )


def test_a_null_item_condemns_the_whole_list() -> None:
    assert message("CreateFunction", {**FUNCTION, "Layers": [None]}).startswith(
        "1 validation error detected: Value '[null]' at 'layers' failed to satisfy constraint: "
        "Member must satisfy constraint: ["
    )


def test_an_item_that_is_a_structure_has_a_path() -> None:
    parameters = {"FunctionName": "f", "FilterCriteria": {"Filters": [{"Pattern": "x" * 4097}]}}
    assert " at 'filterCriteria.filters.1.member.pattern' failed" in message(
        "CreateEventSourceMapping", parameters
    )


def test_a_secret_is_not_repeated() -> None:
    # Environment variables are sensitive; AWS leaves their value out.
    parameters = {**FUNCTION, "Environment": {"Variables": {"bad-name": "hunter2"}}}
    assert message("CreateFunction", parameters) == (
        "1 validation error detected: Value at 'environment.variables' failed to satisfy "
        "constraint: Map keys must satisfy constraint: [Member must satisfy regular expression "
        "pattern: [a-zA-Z]([a-zA-Z0-9_])+, Member must not be null]"
    )


def test_a_bad_map_value_shows_the_map() -> None:
    assert message("CreateLogGroup", {"logGroupName": "g", "tags": {"a": "😀"}}).startswith(
        "1 validation error detected: Value '{a=😀}' at 'tags' failed to satisfy constraint: "
        "Map value must satisfy constraint: [Member must have length less than or equal to 256"
    )


def test_a_value_that_is_too_long_is_told_once() -> None:
    assert message("Invoke", {"FunctionName": "!" * 200}).startswith("1 validation error detected")


def test_shapes_that_the_service_judges_itself_are_left_alone() -> None:
    parameters = {**FUNCTION, "Runtime": "haskell"}
    assert " at 'runtime' failed" in message("CreateFunction", parameters)
    assert message("CreateFunction", parameters, excepted=("Runtime",)) == ""


@pytest.mark.parametrize(
    ("member", "path"), [("KMSKeyArn", "kMSKeyArn"), ("MemorySize", "memorySize")]
)
def test_only_the_first_letter_of_a_member_is_lowered(member: str, path: str) -> None:
    bad: Any = 1 if member == "MemorySize" else "x"
    assert f" at '{path}' " in message("CreateFunction", {**FUNCTION, member: bad})

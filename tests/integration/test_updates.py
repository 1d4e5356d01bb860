"""As a developer I change a function while it is in use, and nobody falls between two versions."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from support.functions import DeployedFunction
from support.packages import make_zip
from support.sandboxes import on_both
from support.waiting import wait_until

MakeFunction = Callable[..., DeployedFunction]
pytestmark = pytest.mark.slow


def answering(value: str, *, ballast: int = 0) -> bytes:
    """A package whose handler sleeps for event seconds and returns `value`; `ballast` modules make
    it slow to prepare."""
    files: dict[str, str | bytes] = {
        "app.py": f"import time\ndef handler(e, c):\n    time.sleep(e or 0)\n    return {value!r}"
    }
    for number in range(ballast):
        files[f"ballast/m{number}.py"] = f"# {value}\n" + "x = [1, 2, 3]\n" * 200
    return make_zip(files)


@on_both
def test_after_an_update_the_new_code_answers(make_function: MakeFunction) -> None:
    # Given
    function = make_function(package=answering("old"))
    assert function.call() == "old"
    # When
    updated = function.update_code(answering("new"))
    # Then
    answer = function.invoke()
    assert (answer.value, answer.is_cold) == ("new", True)
    assert updated["CodeSha256"] != function.created["CodeSha256"]
    assert updated["RevisionId"] != function.created["RevisionId"]


def test_running_invocations_finish_on_the_old_code(make_function: MakeFunction) -> None:
    # Given some that run
    function = make_function(package=answering("old"))
    with ThreadPoolExecutor(3) as threads:
        running = [threads.submit(function.invoke, 1.5) for _ in range(3)]
        wait_until(lambda: function.starts() == 3, "all of them run")
        # When
        function.update_code(answering("new"))
        # Then new ones are on the new code while the old ones run
        assert function.call() == "new"
        assert not any(future.done() for future in running)
        # And the old ones finish on the old
        assert [future.result().value for future in running] == ["old"] * 3
    assert function.call() == "new"


def test_an_update_under_load_loses_no_invocation(make_function: MakeFunction) -> None:
    # Given
    function = make_function(package=answering("old"))
    values: list[str] = []

    def invoke_until_new() -> None:
        while not values or values[-1] != "new":
            values.append(function.call())

    # When
    with ThreadPoolExecutor(4) as threads:
        futures = [threads.submit(invoke_until_new) for _ in range(4)]
        wait_until(lambda: len(values) > 20, "invocations flow")
        function.update_code(answering("new"))
        # Then every invocation was answered, by one or the other
        for future in futures:
            future.result()
    assert set(values) == {"old", "new"}


def test_updates_one_after_another_lose_no_invocation_and_none_goes_back(
    make_function: MakeFunction,
) -> None:
    # Given callers that ask without a pause
    source = "import os\ndef handler(e, c): return [{code}, int(os.environ['STEP'])]"
    step = {"Environment": {"Variables": {"STEP": "0"}}}
    function = make_function(source=source.format(code=0), **step)
    is_over = threading.Event()

    def ask() -> list[tuple[int, int]]:
        answers = [function.call()]
        while not is_over.is_set():
            answers.append(function.call())
        answers.append(function.call())
        return [(code, step) for code, step in answers]

    # When code and configuration change again and again
    with ThreadPoolExecutor(3) as threads:
        callers = [threads.submit(ask) for _ in range(3)]
        try:
            for number in range(1, 6):
                function.update_code(make_zip({"app.py": source.format(code=number)}))
                variables = {"Variables": {"STEP": str(number)}}
                function.update_configuration(Environment=variables)
        finally:
            is_over.set()
        # Then every call was answered, by what was there when it came or by what came next
        order = [(code, step) for code in range(6) for step in (code - 1, code) if step >= 0]
        for caller in callers:
            places = [order.index(answer) for answer in caller.result()]
            assert places == sorted(places)
            assert places[-1] == len(order) - 1
            assert len(set(places)) > 2


def test_a_new_function_is_pending_then_active(make_function: MakeFunction) -> None:
    # When
    function = make_function(package=answering("x", ballast=50), wait=False)
    # Then
    created = function.created
    assert created["State"] == "Pending"
    assert created["StateReason"] == "The function is being created."
    assert created["StateReasonCode"] == "Creating"
    conflict = function.client.exceptions.ResourceConflictException
    with pytest.raises(conflict, match="currently in the following state: Pending"):
        function.invoke()
    with pytest.raises(conflict, match="currently in the following state: Pending"):
        function.client.update_function_configuration(FunctionName=function.name, Timeout=5)
    # And
    active = function.wait_until_settled()
    assert (active["State"], active["LastUpdateStatus"]) == ("Active", "Successful")
    assert "StateReason" not in active
    assert function.call() == "x"


def test_during_an_update_the_old_code_answers_and_a_second_update_conflicts(
    make_function: MakeFunction,
) -> None:
    # Given
    function = make_function(package=answering("old"))
    function.call()
    # When
    update = function.client.update_function_code(
        FunctionName=function.name, ZipFile=answering("new", ballast=200)
    )
    # Then
    assert update["LastUpdateStatus"] == "InProgress"
    assert update["LastUpdateStatusReasonCode"] == "Creating"
    assert update["State"] == "Active"
    conflict = function.client.exceptions.ResourceConflictException
    with pytest.raises(conflict, match=f"An update is in progress for resource: {function.arn}"):
        function.client.update_function_code(FunctionName=function.name, ZipFile=answering("third"))
    assert function.call() == "old"
    # And
    assert function.wait_until_updated()["State"] == "Active"
    assert function.call() == "new"


def test_the_waiters_of_the_sdk_are_satisfied(make_function: MakeFunction) -> None:
    function = make_function("echo", wait=False)
    fast = {"Delay": 0.05, "MaxAttempts": 200}
    for name in ("function_exists", "function_active", "function_active_v2"):
        function.client.get_waiter(name).wait(FunctionName=function.name, WaiterConfig=fast)
    function.client.update_function_configuration(FunctionName=function.name, Timeout=9)
    for name in ("function_updated", "function_updated_v2"):
        function.client.get_waiter(name).wait(FunctionName=function.name, WaiterConfig=fast)
    assert function.configuration()["Timeout"] == 9


def test_a_configuration_change_reaches_the_function(make_function: MakeFunction) -> None:
    # Given
    function = make_function("env", Environment={"Variables": {"FIRST": "1", "SECOND": "2"}})
    assert function.call()["now"]["FIRST"] == "1"
    # When
    function.update_configuration(
        Environment={"Variables": {"THIRD": "3"}}, MemorySize=256, Description="new"
    )
    # Then the environment is replaced as a whole, and what was not named is as before
    variables = function.call()["now"]
    assert variables["THIRD"] == "3"
    assert "FIRST" not in variables
    assert variables["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == "256"
    configuration = function.configuration()
    assert configuration["Description"] == "new"
    assert configuration["Timeout"] == function.created["Timeout"]
    assert configuration["Handler"] == "app.handler"


def test_a_stale_revision_id_is_refused(make_function: MakeFunction) -> None:
    # Given
    function = make_function("echo")
    stale = function.created["RevisionId"]
    current = function.update_configuration(Description="changed")["RevisionId"]
    # When, Then
    operations: list[tuple[Callable[..., Any], dict[str, Any]]] = [
        (function.client.update_function_configuration, {"Timeout": 5}),
        (function.client.update_function_code, {"ZipFile": answering("x")}),
    ]
    for operation, change in operations:
        with pytest.raises(function.client.exceptions.PreconditionFailedException) as caught:
            operation(FunctionName=function.name, RevisionId=stale, **change)
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 412
        assert caught.value.response["Error"]["Message"].startswith(
            "The RevisionId provided does not match the latest RevisionId."
        )
    function.client.update_function_configuration(
        FunctionName=function.name, RevisionId=current, Timeout=5
    )
    assert function.wait_until_updated()["Timeout"] == 5


def test_the_revision_id_that_create_gave_is_good_for_the_first_update(
    make_function: MakeFunction,
) -> None:
    function = make_function("echo")
    assert function.configuration()["RevisionId"] == function.created["RevisionId"]


def test_a_dry_run_of_an_update_changes_nothing(make_function: MakeFunction) -> None:
    function = make_function(package=answering("old"))
    before = function.configuration()
    function.client.update_function_code(
        FunctionName=function.name, ZipFile=answering("new"), DryRun=True
    )
    after = function.configuration()
    assert after["RevisionId"] == before["RevisionId"]
    assert function.call() == "old"


def test_a_package_that_is_no_zip_is_refused_and_the_old_code_stays(
    make_function: MakeFunction,
) -> None:
    function = make_function(package=answering("old"))
    with pytest.raises(
        function.client.exceptions.InvalidParameterValueException,
        match="Could not unzip uploaded file",
    ):
        function.client.update_function_code(FunctionName=function.name, ZipFile=b"no zip")
    assert function.call() == "old"

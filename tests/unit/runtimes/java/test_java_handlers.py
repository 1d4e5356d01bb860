"""Which handlers are found, and what they take and give: every case is a run of the bootstrap
against a scripted Runtime API."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from scripted_api import REQUEST_ID, event

SERIALIZER = "com.amazonaws.services.lambda.runtime.CustomPojoSerializer"
ERROR_TYPE = "lambda-runtime-function-error-type"

RESULTS = {
    "an input": ("Signatures::withInput", "ë", "got ë"),
    "an input and the context": ("Signatures::withContext", "x", "x f"),
    "a static method of a primitive": ("Signatures::ofClass", 41, 42),
    "a primitive of null": ("Signatures::ofClass", None, 1),
    "a primitive of blank text": ("Signatures::ofClass", " ", 1),
    "no parameter": ("Signatures::nothing", {}, "nothing needed"),
    "the context alone": ("Signatures::contextAlone", {}, "f"),
    "nothing given": ("Signatures::giveNothing", {}, None),
    "null given": ("Signatures::giveNull", {}, None),
    "null taken": ("Signatures::withInput", None, "got null"),
    "streams": ("Signatures::streams", {"a": ["ë"]}, {"a": ["ë"]}),
    "streams and the context": ("Signatures::streamsAndContext", [1, 2.5], [1, 2.5]),
    "a stream that is only read": ("Signatures::inputStream", [1], "[1]"),
    "a list": ("Signatures::list", [1], [1, 2]),
    "a list of a value alone": ("Signatures::list", 1, [1, 2]),
    "an array": ("Signatures::array", [1, 2**40], [1, 2**40]),
    "an integer of a map": ("Signatures::map", {"number": 1}, {"number": 1, "type": "Integer"}),
    "a long of a map": ("Signatures::map", {"number": 2**40}, {"number": 2**40, "type": "Long"}),
    "a huge one": ("Signatures::map", {"number": 2**70}, {"number": 2**70, "type": "BigInteger"}),
    "a fraction of a map": ("Signatures::map", {"number": 0.1}, {"number": 0.1, "type": "Double"}),
    "an object": ("Signatures::object", {"a": {"b": [None]}}, {"a": {"b": [None]}}),
    "overloads": ("Signatures::overloaded", "x", "with context"),
    "an interface": ("Interfaces$Echo", ["\ud800", "\U0001f600"], ["\ud800", "\U0001f600"]),
    "an interface and its method": ("Interfaces$Echo::handleRequest", True, True),
    "an interface of streams": ("Interfaces$Streams", "ë", "ë"),
    "an interface of a generic parent": ("Interfaces$IntegerTotals", [1, 2], 4.0),
}


@pytest.mark.parametrize(("handler", "given", "expected"), RESULTS.values(), ids=RESULTS)
def test_the_answer_is_what_the_handler_gives(run_java, handler, given, expected):
    outcome = run_java(f"example.{handler}", [event(given), event(given)])

    assert outcome.results() == [expected, expected]
    assert outcome.text == ""
    assert outcome.posts[0].path == f"/2018-06-01/runtime/invocation/{REQUEST_ID}/response"
    assert outcome.posts[0].headers["content-type"] == "application/json"


NOT_FOUND = {
    "no name": ("", "Invalid handler: `'", None),
    "no method": ("a.B::", "Invalid handler: `a.B::'", None),
    "no class": ("a.B", "Class not found: a.B", "java.lang.ClassNotFoundException"),
    "no such method": (
        "example.Signatures::missing",
        "No public method named missing with appropriate method signature found on class"
        " example.Signatures",
        None,
    ),
    "no such signature": (
        "example.Signatures::tooMuch",
        "No public method named tooMuch with appropriate method signature found on class"
        " example.Signatures",
        None,
    ),
    "no interface": (
        "example.Interfaces$Nothing",
        "Class does not implement an appropriate handler interface: example.Interfaces$Nothing",
        None,
    ),
    "no type arguments": (
        "example.Interfaces$Raw",
        "Class example.Interfaces$Raw does not implement RequestHandler with concrete type"
        " parameters",
        None,
    ),
}


@pytest.mark.parametrize(("handler", "message", "kind"), NOT_FOUND.values(), ids=NOT_FOUND)
def test_a_handler_that_is_not_there_fails_every_invocation(run_java, handler, message, kind):
    outcome = run_java(handler, [event(), event()])

    assert len(outcome.posts) == 2
    post = outcome.posts[1]
    assert post.path == f"/2018-06-01/runtime/invocation/{REQUEST_ID}/error"
    assert post.headers[ERROR_TYPE] == "Runtime.BadFunctionCode"
    assert post.json["errorMessage"] == message
    assert post.json.get("errorType") == kind
    assert message in outcome.text


OF_INIT = {
    "a constructor that throws": (
        "ThrowsWhenMade",
        "not today",
        "java.lang.IllegalStateException",
    ),
    "a class that throws": (
        "ThrowsWhenLoaded",
        "Error loading class example.Interfaces$ThrowsWhenLoaded",
        "java.lang.ExceptionInInitializerError",
    ),
    "no constructor": (
        "NoConstructor",
        "Class example.Interfaces$NoConstructor has no public zero-argument constructor",
        "java.lang.Exception",
    ),
    "an inner class": (
        "Inner",
        "Class example.Interfaces$Inner cannot be instantiated because it is a non-static inner"
        " class",
        "java.lang.Exception",
    ),
}


@pytest.mark.parametrize(("name", "message", "kind"), OF_INIT.values(), ids=OF_INIT)
def test_what_is_thrown_while_the_function_is_loaded_is_an_error_of_init(
    run_java, name, message, kind
):
    outcome = run_java(f"example.Interfaces${name}", [event()])

    (post,) = outcome.exchanges
    assert post.path == "/2018-06-01/runtime/init/error"
    assert post.headers[ERROR_TYPE] == "Runtime.BadFunctionCode"
    assert post.json["errorMessage"] == message
    assert post.json["errorType"] == kind
    assert "lambdad" not in "".join(post.json["stackTrace"])
    assert outcome.status == 1
    assert outcome.text.startswith(f"{message}: {kind}\r")


@pytest.fixture
def incomplete(zoo, tmp_path) -> Path:
    """A package without a class that others need."""
    package = tmp_path / "package"
    shutil.copytree(zoo, package)
    (package / "example/Interfaces$Missing.class").unlink()
    return package


@pytest.mark.parametrize(
    ("name", "place", "kind"),
    [
        ("Lacks", "class example.Interfaces$Lacks", "java.lang.NoClassDefFoundError"),
        ("TakesMissing", "example.Interfaces$TakesMissing", "java.lang.TypeNotPresentException"),
        (
            "TakesMissing::take",
            "example.Interfaces$TakesMissing::take",
            "java.lang.NoClassDefFoundError",
        ),
    ],
    ids=["a class that makes it", "an interface of it", "a method that takes it"],
)
def test_a_class_that_is_missing_is_an_error_of_init(run_java, incomplete, name, place, kind):
    variables = {"LAMBDA_TASK_ROOT": str(incomplete)}
    outcome = run_java(f"example.Interfaces${name}", [event()], overrides=variables)

    (post,) = outcome.exchanges
    assert post.path == "/2018-06-01/runtime/init/error"
    assert post.headers[ERROR_TYPE] == "Runtime.BadFunctionCode"
    assert post.json["errorType"] == kind
    assert post.json["errorMessage"].startswith(f"Error loading {place}: ")
    assert "Interfaces$Missing" in post.json["errorMessage"]
    assert outcome.status == 1


def test_a_serializer_that_is_missing_is_an_error_of_init(run_java, zoo, tmp_path):
    package = tmp_path / "package"
    shutil.copytree(zoo, package)
    service = package / "META-INF/services" / SERIALIZER
    service.parent.mkdir(parents=True)
    service.write_text("example.Missing\n")
    variables = {"LAMBDA_TASK_ROOT": str(package)}
    outcome = run_java("example.Interfaces$Echo", [event()], overrides=variables)

    (post,) = outcome.exchanges
    assert post.path == "/2018-06-01/runtime/init/error"
    assert post.json["errorType"] == "java.util.ServiceConfigurationError"
    assert post.json["errorMessage"].startswith("Error loading example.Interfaces$Echo: ")


def test_a_function_may_exit_while_it_is_loaded(run_java):
    outcome = run_java("example.Interfaces$ExitsWhenLoaded", [event()])
    assert outcome.exchanges == []
    assert outcome.status == 5

"""The function of the suite of all languages, on the Java runtime alone."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

import pytest
from java_under_test import compile_function
from scripted_api import event

CONFORMANCE = Path(__file__).parents[3] / "functions/java"


@pytest.fixture(scope="session")
def conformance(jdk, runtime, tmp_path_factory) -> Path:
    """The compiled function, in a folder of classes."""
    classes = tmp_path_factory.mktemp("conformance")
    compile_function(jdk, CONFORMANCE.glob("*.java"), classes, [runtime / "lambdad.jar"])
    return classes


@pytest.fixture
def package(conformance, tmp_path) -> Path:
    """A package with the function in a jar of its lib folder."""
    library = tmp_path / "package/lib"
    library.mkdir(parents=True)
    with zipfile.ZipFile(library / "function.jar", "w") as jar:
        for path in conformance.rglob("*.class"):
            jar.write(path, path.relative_to(conformance))
    return library.parent


ANSWERS = [
    ({"do": "echo", "value": {"a": ["ë", 1.5, None]}}, {"a": ["ë", 1.5, None]}),
    ({"do": "count"}, 2),
    ({"do": "environment", "names": ["NAME", "NONE"]}, {"NAME": "value", "NONE": None}),
    ({"do": "big", "size": 5}, "xxxxx"),
    ({"do": "size", "text": "ë" * 7}, 7),
    ({"do": "sleep", "ms": 1}, "slept"),
    ({"do": "allocate", "mb": 20}, "held"),
    ({"do": "print", "lines": ["one", "two"]}, "printed"),
    ({"do": "log", "message": "logged", "level": "warn"}, "logged"),
    ({"do": "text", "text": "a\U0001f600"}, {"encoding": "UTF-8", "length": 2}),
    ({"do": "resolve", "host": "127.0.0.1"}, "127.0.0.1"),
    ({"do": "child"}, "value"),
    ({"do": "sigterm"}, "ready"),
]


def test_it_does_what_its_event_says(run_java, conformance):
    variables = {"LAMBDA_TASK_ROOT": str(conformance), "NAME": "value"}
    events = [event(given) for given, _ in ANSWERS]
    outcome = run_java("example.Conformance", events, overrides=variables)
    assert outcome.results() == [expected for _, expected in ANSWERS]
    assert outcome.text.splitlines() == ["one", "two", "[WARN] logged"]


def test_it_fails_when_it_should(run_java, conformance):
    variables = {"LAMBDA_TASK_ROOT": str(conformance)}
    events = [event({"do": "fail", "message": "m"}), event({"do": "custom", "message": "n"})]
    outcome = run_java("example.Conformance", events, overrides=variables)
    fail, custom = [post.json for post in outcome.posts]
    assert fail["errorType"] == "java.lang.IllegalArgumentException"
    assert "troublemaker" in fail["stackTrace"][0]
    assert custom["errorType"] == "example.Conformance$NoSuchLuck"


def test_classes_are_found_in_jars_of_the_package(run_java, package):
    variables = {"LAMBDA_TASK_ROOT": str(package)}
    given = event({"do": "echo", "value": "from a jar"})
    outcome = run_java("example.Conformance", [given], overrides=variables)
    assert outcome.results() == ["from a jar"]


def test_classes_of_the_package_come_before_those_of_its_jars(run_java, package, zoo):
    shutil.copytree(zoo, package, dirs_exist_ok=True)
    (package / "lib/a-broken.jar").write_bytes(b"no jar")
    variables = {"LAMBDA_TASK_ROOT": str(package)}
    outcome = run_java("example.Interfaces$Echo", [event("found")], overrides=variables)
    assert outcome.results() == ["found"]

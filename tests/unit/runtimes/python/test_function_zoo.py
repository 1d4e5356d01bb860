"""The tiny functions that other tests use do what they say."""

from __future__ import annotations

import errno

import pytest
from scripted_api import event


@pytest.mark.parametrize(
    ("function", "given", "expected"),
    [
        ("echo", {"a": 1}, {"a": 1}),
        ("oom", {"mb": 1}, {"allocated_mb": 1}),
        ("big_response", {"size": 100_000}, "x" * 100_000),
        ("files", {"action": "read", "path": "/no"}, {
            "errno": errno.ENOENT, "error": "[Errno 2] No such file or directory: '/no'"}),
    ],
)  # fmt: skip
def test_a_function_of_the_zoo_answers(run, function, given, expected):
    assert run(function, [event(given)]).results() == [expected]


@pytest.mark.parametrize(
    ("function", "error_type"),
    [
        ("unserializable", "Runtime.MarshalError"),
        ("raise_error", "ValueError"),
        ("import_error", "Runtime.ImportModuleError"),
        ("syntax_error", "Runtime.UserCodeSyntaxError"),
    ],
)
def test_a_function_of_the_zoo_fails_in_its_way(run, function, error_type):
    outcome = run(function, [event({"type": "ValueError", "chained": True})])

    assert outcome.post.json["errorType"] == error_type


@pytest.mark.parametrize(
    ("function", "given", "status"),
    [
        ("crash", {"status": 4}, 4),
        ("crash", {"signal": "SIGKILL"}, -9),
        ("exit_in_init", {}, 7),
        ("exit_zero", {}, 0),
    ],
)
def test_a_function_of_the_zoo_ends_the_process(run, function, given, status):
    outcome = run(function, [event(given)])

    assert (outcome.status, outcome.posts) == (status, [])


def test_the_counter_counts_in_one_environment(run):
    first, second = run("counter", [event(), event()]).results()

    assert (first["count"], second["count"]) == (1, 2)
    assert first["environment"] == second["environment"]


@pytest.mark.slow
def test_env_sleep_spawn_and_network_answer(run):
    assert run("env", [event()], variables={"MINE": "1"}).post.json["at_init"]["MINE"] == "1"
    assert run("sleep", [event({"seconds": 0})]).post.json["after_ms"] > 0
    assert run("spawn", [event({"processes": 2})]).post.json["started"] == 2
    assert run("network", [event({"host": "127.0.0.1", "port": 1})]).post.json["errno"] == (
        errno.ECONNREFUSED
    )


@pytest.mark.slow
def test_every_harmless_probe_answers(run):
    names = ["process_status", "processes", "descriptors", "identity", "namespaces", "mounts",
             "interfaces", "limits", "listing", "python", "executable_memory"]  # fmt: skip

    outcome = run("probe", [event({"probe": name}) for name in [*names, "names"]])

    results = dict(zip([*names, "names"], outcome.results(), strict=True))
    assert [name for name in names if "value" not in results[name]] == []
    assert set(names) < set(results["names"]["value"])
    assert "CapEff" in results["process_status"]["value"]
    assert results["python"]["value"]["threads"] == 1


def test_a_probe_reports_the_errno_of_what_it_was_refused(run):
    refused = {"probe": "system_call", "arguments": {"name": "mount", "arguments": ["a", "/no"]}}

    outcome = run("probe", [event(refused), event({"probe": "in_child", "arguments": {
        "name": "mount", "arguments": ["a", "/no"]}})])  # fmt: skip

    assert {result["errno"] for result in outcome.results()} <= {
        errno.EPERM, errno.ENOENT, errno.EFAULT}  # fmt: skip

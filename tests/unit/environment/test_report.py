"""The platform's own log lines, character by character as AWS writes them."""

from __future__ import annotations

import pytest

from lambdad.environment import report
from lambdad.model.invocation import FunctionError, Report
from lambdad.model.runtime import Interpreter
from lambdad.model.trace_header import TraceHeader

INTERPRETER = Interpreter("python3.12", "3.12.1", "/usr/bin/python3.12")
TIMED_OUT = FunctionError("Sandbox.Timedout", "timeout")


def test_init_start_names_the_runtime_version() -> None:
    line = report.init_start("python3.12", INTERPRETER, "eu-west-1")
    version, arn = line.split("\t")
    assert version == "INIT_START Runtime Version: python:3.12.v1"
    prefix = "Runtime Version ARN: arn:aws:lambda:eu-west-1::runtime:"
    assert arn.startswith(prefix)
    assert len(arn.removeprefix(prefix)) == 64


@pytest.mark.parametrize(
    ("name", "version", "told"),
    [
        ("nodejs20.x", "20.20.2", "nodejs:20.v20"),
        ("ruby3.1", "3.1.2", "ruby:3.1.v2"),
        ("java17", "17.0.15", "java:17.v15"),
        ("java25", "25", "java:25.v0"),
        ("dotnetcore3.1", "3.1.32", "dotnetcore:3.1.v32"),
        ("dotnet8", "8.0.11", "dotnet:8.v11"),
    ],
)
def test_every_language_has_its_runtime_version(name: str, version: str, told: str) -> None:
    assert report.runtime_version(Interpreter(name, version, "/usr/bin/x")) == told


def test_init_start_says_when_another_runtime_stands_in() -> None:
    line = report.init_start("python3.14", INTERPRETER, "eu-west-1")
    assert line.endswith("\t(python3.14 is not on this machine; python3.12 runs instead)")


def test_init_start_of_node_names_its_version() -> None:
    node = Interpreter("nodejs20.x", "20.19.2", "/usr/bin/node")
    line = report.init_start("nodejs22.x", node, "eu-west-1")
    assert line.startswith("INIT_START Runtime Version: nodejs:20.v19\t")
    assert line.endswith("\t(nodejs22.x is not on this machine; nodejs20.x runs instead)")


def test_init_start_of_a_runtime_that_the_function_brings_names_no_other() -> None:
    line = report.init_start("provided.al2023", INTERPRETER, "eu-west-1")
    assert line.startswith("INIT_START Runtime Version: provided:al2023.v1\tRuntime Version ARN: ")
    assert "runs instead" not in line


def test_start_and_end() -> None:
    assert report.start("r1", "$LATEST") == "START RequestId: r1 Version: $LATEST"
    assert report.end("r1") == "END RequestId: r1"


def test_the_report_of_a_warm_start() -> None:
    assert report.report(Report("r1", 1.234, 2, 128, 40)) == (
        "REPORT RequestId: r1\tDuration: 1.23 ms\tBilled Duration: 2 ms\tMemory Size: 128 MB\t"
        "Max Memory Used: 40 MB\t"
    )


def test_the_report_of_a_cold_start_has_the_init_duration() -> None:
    line = report.report(Report("r1", 1.0, 2, 128, 40, init_duration_ms=100.256))
    assert line.endswith("Max Memory Used: 40 MB\tInit Duration: 100.26 ms\t")


@pytest.mark.parametrize(
    ("error", "end"),
    [
        (TIMED_OUT, "Status: timeout\t"),
        (FunctionError("Runtime.ExitError"), "Status: error\tError Type: Runtime.ExitError\t"),
    ],
)
def test_the_report_of_a_failure_says_which(error: FunctionError, end: str) -> None:
    line = report.report(Report("r1", 1.0, 1, 128, 40, error=error))
    assert line.endswith(f"Max Memory Used: 40 MB\t{end}")


def test_init_report() -> None:
    error = FunctionError("Runtime.ImportModuleError")
    assert report.init_report(12.345, "init", error) == (
        "INIT_REPORT Init Duration: 12.35 ms\tPhase: init\tStatus: error\t"
        "Error Type: Runtime.ImportModuleError"
    )
    assert report.init_report(10_000, "init", TIMED_OUT) == (
        "INIT_REPORT Init Duration: 10000.00 ms\tPhase: init\tStatus: timeout"
    )
    assert report.init_report(1.0, "init", None) == (
        "INIT_REPORT Init Duration: 1.00 ms\tPhase: init"
    )


@pytest.mark.parametrize(
    ("duration_ms", "init_ms", "billed"),
    [
        (0.0, None, 1),
        (0.01, None, 1),
        (1.0, None, 1),
        (1.01, None, 2),
        (1.5, 1.5, 3),
        (0.2, 9.9, 11),
    ],
)
def test_every_begun_millisecond_is_billed(
    duration_ms: float, init_ms: float | None, billed: int
) -> None:
    assert report.billed_ms(duration_ms, init_ms) == billed


def test_the_report_of_a_traced_invocation_names_trace_and_segment() -> None:
    trace = TraceHeader("1-5759e988-bd862e3fe1be46a994272793", "53995c3f42cd8ad8", True)
    line = report.report(Report("r1", 1.0, 1, 128, 40, trace=trace))
    first, second = line.split("\n")
    assert first.endswith("Max Memory Used: 40 MB\t")
    assert second == (
        "XRAY TraceId: 1-5759e988-bd862e3fe1be46a994272793\tSegmentId: 53995c3f42cd8ad8\t"
        "Sampled: true\t"
    )

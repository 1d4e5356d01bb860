"""How the first process of an environment comes to be, by table."""

from __future__ import annotations

import pytest

from lambdad.environment.choose_start import choose_start

READ_BY_PROGRAMS = [
    "LD_PRELOAD", "LD_LIBRARY_PATH", "LC_ALL", "LC_CTYPE", "LANG", "LANGUAGE", "MALLOC_ARENA_MAX",
    "GLIBC_TUNABLES", "PYTHONPATH", "PYTHONHASHSEED", "PYTHONUNBUFFERED", "OPENSSL_CONF",
    "AWS_LAMBDA_EXEC_WRAPPER",
]  # fmt: skip
READ_AT_ANY_TIME = [
    "COLOUR", "TZ", "PATH", "ld_preload", "MY_PYTHONPATH", "LANGUAGES", "AWS_REGION", "MALLOC",
    "TMPDIR", "LD", "",
]  # fmt: skip


@pytest.mark.parametrize("name", READ_BY_PROGRAMS)
def test_what_is_read_when_a_program_starts_needs_one(name: str) -> None:
    assert choose_start("python3.12", {name: "1"}) == "spawn"
    assert choose_start("python3.12", {"COLOUR": "red", name: ""}) == "spawn"


@pytest.mark.parametrize("name", READ_AT_ANY_TIME)
def test_anything_else_can_be_had_by_one_that_waits(name: str) -> None:
    assert choose_start("python3.12", {name: "1"}) == "pool"


def test_without_variables_one_that_waits_will_do() -> None:
    assert choose_start("python3.12", {}) == "pool"


def test_the_value_does_not_matter() -> None:
    assert choose_start("python3.12", {"COLOUR": "LD_PRELOAD"}) == "pool"


@pytest.mark.parametrize("runtime", ["provided.al2", "provided.al2023"])
def test_a_runtime_that_the_function_brings_is_started(runtime: str) -> None:
    assert choose_start(runtime, {}) == "bootstrap"
    assert choose_start(runtime, {"LD_PRELOAD": "x.so"}) == "bootstrap"


@pytest.mark.parametrize(
    ("runtime", "name"),
    [
        ("nodejs22.x", "NODE_OPTIONS"),
        ("nodejs22.x", "NODE_EXTRA_CA_CERTS"),
        ("nodejs22.x", "NODE_PRESERVE_SYMLINKS"),
        ("ruby3.3", "RUBYOPT"),
        ("java21", "JAVA_TOOL_OPTIONS"),
        ("java8.al2", "TZ"),
        ("dotnet8", "DOTNET_gcServer"),
        ("dotnet8", "TZ"),
    ],
)
def test_each_language_reads_some_of_its_own_when_it_starts(runtime: str, name: str) -> None:
    assert choose_start(runtime, {name: "1"}) == "spawn"
    assert choose_start("python3.12", {name: "1"}) == "pool"


@pytest.mark.parametrize("name", ["NODE_ENV", "NODE_PATH", "TZ", "PYTHONPATH"])
def test_node_reads_others_whenever_it_needs_them(name: str) -> None:
    assert choose_start("nodejs22.x", {name: "1"}) == "pool"

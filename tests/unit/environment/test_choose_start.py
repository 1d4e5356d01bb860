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

"""The sandbox contract: code and layers are in their places, and nobody changes them."""

from __future__ import annotations

import pytest
from sandbox_bench import Bench
from sandbox_kinds import on_namespaces


@on_namespaces
def test_the_layers_are_at_opt(bench: Bench) -> None:
    started = bench.start(layers="layers")
    started.assign()
    assert started.call({"do": "read", "with": {"path": "/opt/shared.txt"}}) == "from a layer"


@on_namespaces
def test_opt_is_empty_without_layers(bench: Bench) -> None:
    started = bench.start()
    started.assign()
    assert started.call({"do": "read", "with": {"path": "/opt/shared.txt"}}) is None


@on_namespaces
def test_code_and_layers_are_there_in_a_second_run(bench: Bench) -> None:
    started = bench.start(layers="layers")
    started.assign()
    started.kill()
    started.restart()
    started.assign()
    assert started.call({"do": "read", "with": {"path": "/opt/shared.txt"}}) == "from a layer"


@on_namespaces
@pytest.mark.parametrize("path", ["/opt/new", "/opt/shared.txt", "/var/task/app.py"])
def test_neither_is_the_functions_to_write(bench: Bench, path: str) -> None:
    started = bench.start(layers="layers")
    started.assign()
    refusal = started.call({"do": "try_to_write", "with": {"path": path}})
    assert refusal in ("OSError", "PermissionError")


@on_namespaces
@pytest.mark.parametrize("trees", [{"code": "absent"}, {"layers": "absent"}, {"layers": "../code"}])
def test_a_tree_that_is_not_in_the_store_starts_nothing(
    bench: Bench, trees: dict[str, str]
) -> None:
    with pytest.raises(OSError):  # noqa: PT011 - one of several reasons
        bench.start("e1", **trees)
    assert bench.waiting() == {}
    bench.start("e1").assign()  # the identifier is free

"""The sandboxes of one node's life, and those of the next: the ground is the same."""

from __future__ import annotations

from pathlib import Path

from sandbox_bench import ACCOUNT, Bench, namespaces_on
from sandbox_kinds import on_namespaces

from lambdad.launcher.guarded import Guarded


@on_namespaces
def test_a_new_life_starts_while_the_old_ones_sandboxes_still_end(
    bench: Bench, directory: Path
) -> None:
    """When a node dies another is started at once."""
    # Given a sandbox that is being killed
    old = bench.start()
    old.assign()
    before = bench.sandboxes
    ground = before._inner._ground  # type: ignore[attr-defined]
    before.close()
    # When
    bench.sandboxes = Guarded(namespaces_on(ground, directory, 0))
    new = bench.start()
    # Then
    bench.prepare(ACCOUNT)
    new.assign()
    assert new.call({"n": 1}) == {"n": 1}

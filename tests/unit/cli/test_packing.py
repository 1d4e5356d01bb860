"""Packing a package, and what people see of it."""

from __future__ import annotations

from pathlib import Path

from lambdad.cli.package import Source


def test_who_packs_a_lot_hears_how_much_is_done(tmp_path: Path) -> None:
    for number in range(4):
        (tmp_path / f"{number}.py").write_text("def handler(event, context): pass\n")
    heard: list[tuple[str, float]] = []

    def on_step(step: str, share: float = 0.0) -> None:
        heard.append((step, share))

    Source(tmp_path).build("python3.12", on_step)
    assert heard == [("zipping", 0.0), ("zipping", 0.25), ("zipping", 0.5), ("zipping", 0.75)]

"""The ids that a machine has set aside for a user."""

from __future__ import annotations

from pathlib import Path

import pytest

from lambdad.launcher.user_namespace import SubordinateIds, find_subordinate_ids

USER = 2_000_000_123  # who has no name


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (f"{USER}:100000:65536\n", SubordinateIds(100_000, 65_536)),
        (f"other:1:99999\n{USER}:200000:5000\n", SubordinateIds(200_000, 5_000)),
        (f"{USER}:100:1000\n{USER}:5000:3000\n{USER}:9000:2000\n", SubordinateIds(5_000, 3_000)),
        (f"# a comment\n\nnonsense\n{USER}:x:1\n{USER}:1:1000\n", SubordinateIds(1, 1_000)),
    ],
)
def test_the_largest_range_of_the_user_is_found(
    tmp_path: Path, content: str, expected: SubordinateIds
) -> None:
    (tmp_path / "subuid").write_text(content)
    assert find_subordinate_ids(tmp_path / "subuid", USER) == expected


def test_a_user_is_found_by_name(tmp_path: Path) -> None:
    (tmp_path / "subuid").write_text("root:7:2000\n")
    assert find_subordinate_ids(tmp_path / "subuid", 0) == SubordinateIds(7, 2_000)


@pytest.mark.parametrize("content", [None, "", "root:7:2000\n", f"{USER}:1:999\n"])
def test_a_user_without_enough_is_told_what_to_do(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "subuid").write_text(content)
    with pytest.raises(OSError, match="usermod --add-subuids"):
        find_subordinate_ids(tmp_path / "subuid", USER)

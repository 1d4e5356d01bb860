"""What a sandbox may use, from what its function asks for."""

from __future__ import annotations

import pytest

from lambdad.launcher.cgroups import Limits

MB = 1024 * 1024


@pytest.mark.parametrize(
    ("memory_mb", "quota"),
    [(128, 1447), (512, 5788), (1769, 20_000), (3538, 40_000), (10_240, 115_771), (1, 1_000)],
)
def test_the_cpu_share_follows_from_the_memory(memory_mb: int, quota: int) -> None:
    assert Limits(memory_mb).cpu_quota_us == quota


def test_no_share_is_below_the_kernels_floor() -> None:
    assert all(Limits(mb).cpu_quota_us >= 1_000 for mb in range(200))


def test_what_the_kernel_limits_is_memory_and_tmp_together() -> None:
    limits = Limits(128, 512)
    assert limits.memory == 128 * MB
    assert limits.memory_and_files == 640 * MB
    assert limits.cpu_quota_us == Limits(128).cpu_quota_us

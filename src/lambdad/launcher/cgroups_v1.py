"""Version 1: a directory in the hierarchy of each controller.

Freezing is version 2's affair also here, wherever its file system is mounted beside the others: a
task that it has frozen dies of SIGKILL at once. The freezer of version 1 stands in otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lambdad.launcher import cgroup_files as files
from lambdad.launcher.cgroups import CONTROLLERS, CPU_PERIOD_US, PROCESSES, Cgroup, Limits
from lambdad.launcher.contract import Gauges

_WITHOUT_LIMIT = -1


class Version1:
    """The groups of one server, each a directory per hierarchy."""

    is_enforced = True

    def __init__(self, name: str, root: Path, unified: Path | None) -> None:
        """`unified` is where version 2 is mounted, if it is."""
        # What is frozen must be let go on before it can end and leave the others.
        self._tops = _freezing_top(name, root, unified)
        self._tops |= {c: root / c / files.own_path(c) / name for c in CONTROLLERS}
        self.remove_all()
        for top in self._tops.values():
            top.mkdir(parents=True, exist_ok=True)

    def create(self, name: str) -> Cgroup:
        files.check_name(name)
        group = _Group({c: top / name for c, top in self._tops.items()})
        group.make()
        return group

    def remove_all(self) -> None:
        for top in self._tops.values():
            files.remove_tree(top)


def _freezing_top(name: str, root: Path, unified: Path | None) -> dict[str, Path]:
    """Where the groups stand that can be frozen, by the name of their hierarchy."""
    if unified is not None:
        top = unified / files.own_path("") / name
        try:
            top.mkdir(exist_ok=True)
            if (top / "cgroup.freeze").exists():  # since Linux 5.2
                return {"unified": top}
            top.rmdir()
        except OSError:
            pass  # it is not ours to write
    if (root / "freezer/tasks").exists():
        return {"freezer": root / "freezer" / files.own_path("freezer") / name}
    return {}


@dataclass(frozen=True)
class _Group:
    directories: dict[str, Path]

    def make(self) -> None:
        """Make it whole, or leave nothing; what was there before is somebody else's."""
        made: list[Path] = []
        try:
            for directory in self.directories.values():
                directory.mkdir()
                made.append(directory)
            files.write(self.directories["pids"] / "pids.max", PROCESSES)
            files.write(self.directories["cpu"] / "cpu.cfs_period_us", CPU_PERIOD_US)
        except BaseException:
            for directory in made:
                files.remove(directory)
            raise

    def entered(self, pid: int) -> None:
        """It has written itself into the group."""

    def limit(self, limits: Limits) -> None:
        memory = self.directories["memory"]
        files.write(memory / "memory.limit_in_bytes", limits.memory_and_files)
        with_swap = memory / "memory.memsw.limit_in_bytes"
        if with_swap.exists():
            files.write(with_swap, limits.memory_and_files)

    def data_limit(self, limits: Limits) -> int | None:
        return None

    def open_entrances(self) -> list[int]:
        return files.open_all(d / "cgroup.procs" for d in self.directories.values())

    def open_gauges(self, limits: Limits) -> Gauges:
        cpu = self.directories["cpu"] / "cpu.cfs_quota_us"
        files.write(cpu, _WITHOUT_LIMIT)
        peak = self.directories["memory"] / "memory.max_usage_in_bytes"
        descriptors = {
            "memory_peak": files.open_for_reading(peak),
            "cpu_quota": files.open_for_writing(cpu),
        }
        if cpu_time := self._cpu_time():
            descriptors["cpu_time"] = files.open_for_reading(cpu_time)
        texts = {"cpu_quota": str(limits.cpu_quota_us)}
        if freezer := self._freezer():
            file, texts["frozen"], texts["thawed"] = freezer
            descriptors["freezer"] = files.open_for_writing(file)
        return Gauges(descriptors, texts)

    def memory_peak(self) -> int:
        return files.read_number(self.directories["memory"] / "memory.max_usage_in_bytes")

    def forget_memory_peak(self) -> None:
        files.write(self.directories["memory"] / "memory.max_usage_in_bytes", 0)

    def memory_in_use(self, tmp: int) -> int:
        """`cache` is of files and of shared memory, and /tmp is a part of the latter."""
        memory = self.directories["memory"]
        usage = files.read_number(memory / "memory.usage_in_bytes")
        parts = files.counters(memory / "memory.stat")
        return usage - parts["cache"] + max(0, parts.get("shmem", 0) - tmp)

    def out_of_memory_kills(self) -> int:
        control = files.counters(self.directories["memory"] / "memory.oom_control")
        return control.get("oom_kill", 0)

    def thaw(self) -> None:
        if freezer := self._freezer():
            file, _, thawed = freezer
            files.write(file, thawed)

    def remove(self) -> None:
        for directory in self.directories.values():
            files.remove(directory)

    def _cpu_time(self) -> Path | None:
        """Where the processor's time is counted: beside its share, or by version 2."""
        candidates = [self.directories["cpu"] / "cpuacct.usage"]
        if "unified" in self.directories:
            candidates.append(self.directories["unified"] / "cpu.stat")
        return next((file for file in candidates if file.exists()), None)

    def _freezer(self) -> tuple[Path, str, str] | None:
        """The file, and what to write to it for freezing and for thawing."""
        if "unified" in self.directories:
            return self.directories["unified"] / "cgroup.freeze", "1", "0"
        if "freezer" in self.directories:
            return self.directories["freezer"] / "freezer.state", "FROZEN", "THAWED"
        return None

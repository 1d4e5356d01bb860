"""What a server holds of its machine, counted: so that a test sees whether it gives it back."""

from __future__ import annotations

import os
from pathlib import Path

import psutil

from lambdad.testing.server import LocalServer
from support.processes import cgroups_of, node_of, processes_of, slot_of, zygotes_of

_NOT_LEFTOVERS = ("logs", "state.db")


def holdings_of(server: LocalServer) -> dict[str, int]:
    """Processes, mounts, cgroups, namespaces, descriptors, listeners and files of a server."""
    slot = slot_of(server)
    assert slot is not None
    processes = processes_of(server)
    return {
        "processes": len(processes),
        "zombies": sum(p.status() == psutil.STATUS_ZOMBIE for p in processes),
        "mounts": sum(_lines(p.pid, "mountinfo") for p in [processes[0], node_of(server)]),
        "cgroups": len(cgroups_of(slot)),
        "network namespaces": len({_namespace(p.pid, "net") for p in processes}),
        "mount namespaces": len({_namespace(p.pid, "mnt") for p in processes}),
        "descriptors of the launcher": descriptors_of(server.pid),
        "descriptors of the node": descriptors_of(node_of(server).pid),
        "descriptors of zygotes": sum(descriptors_of(z.pid) for z in zygotes_of(server)),
        "files": sum(1 for _ in _files(server.data_dir)),
    }


def descriptors_of(pid: int) -> int:
    """How many descriptors a process has open."""
    return len(os.listdir(f"/proc/{pid}/fd"))


def _lines(pid: int, name: str) -> int:
    return len(Path(f"/proc/{pid}/{name}").read_text().splitlines())


def _namespace(pid: int, kind: str) -> str:
    try:
        return os.readlink(f"/proc/{pid}/ns/{kind}")
    except OSError:
        return ""


def _files(directory: Path) -> list[Path]:
    """Every file of a data directory but logs and database, which grow with what happens."""
    return [
        path
        for path in directory.rglob("*")
        if not any(part.startswith(_NOT_LEFTOVERS) for part in path.relative_to(directory).parts)
    ]

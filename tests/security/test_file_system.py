"""A function sees a minimal system that it cannot change, and nothing of its host's."""

from __future__ import annotations

import errno
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lambdad.testing.server import LocalServer
from support.functions import DeployedFunction
from support.layers import publish_layer
from support.probes import Probe, Refused
from support.sandboxes import ON_ISOLATED

MakeFunction = Callable[..., DeployedFunction]
pytestmark = [*ON_ISOLATED, pytest.mark.slow]

READ_ONLY = (errno.EROFS, errno.EACCES, errno.EPERM)
MB = 1 << 20


def mount_options(probe: Probe, target: str) -> set[str]:
    """The options of the mount at `target`."""
    (line,) = [line for line in probe.ask("mounts") if line.split()[4] == target]
    return set(line.split()[5].split(","))


@pytest.mark.parametrize(
    "path",
    ["/x", "/var/task/x", "/var/task/app.py", "/var/runtime/x", "/opt/x", "/etc/passwd",
     "/usr/bin/x", "/usr/lib/x", "/bin/x", "/var/lang/x", "/dev/x", "/run/x", "/proc/x"],
)  # fmt: skip
def test_nothing_but_tmp_can_be_written(probe: Probe, path: str) -> None:
    refused = probe.errno_of("open_path", path=path, mode="w")
    assert refused in (*READ_ONLY, errno.ENOENT)


def test_tmp_is_all_that_is_writable(probe: Probe) -> None:
    # The host's trees below /usr are mounted read-only, see below; walking them takes long
    roots = ["/etc", "/opt", "/run", "/tmp", "/usr/local", "/var/task", "/var/runtime/boto3"]
    found = probe.ask("writable", roots=roots)
    assert {path.split("/")[1] for path in found} == {"tmp"}, found


LAYERS = """
import os
def attempt(path, mode):
    try:
        open(path, mode).close()
    except OSError as error:
        return error.errno
    return None
def handler(event, context):
    with open("/proc/self/mountinfo") as mounts:
        (line,) = [line for line in mounts if line.split()[4] == "/opt"]
    found = os.stat("/opt/python/mine.py")
    return {
        "errno": [attempt(path, "a") for path in ("/opt/x", "/opt/python/mine.py", "/opt/bin/x")],
        "can_unlink": os.access("/opt/python", os.W_OK),
        "options": line.split()[5].split(","),
        "mode": found.st_mode & 0o7777,
        "uid": found.st_uid,
    }
"""


@pytest.mark.parametrize("variables", [{}, {"PYTHONOPTIMIZE": "0"}], ids=["pooled", "spawned"])
def test_layers_are_not_the_functions_to_change(
    make_function: MakeFunction, lambda_client: Any, variables: dict[str, str]
) -> None:
    # Given
    arn = publish_layer(lambda_client, {"python/mine.py": "", "bin/tool": "#!/bin/sh\n"})

    # When a function tries to write there
    environment = {"Variables": variables}
    found = make_function(source=LAYERS, Layers=[arn], Environment=environment).call()

    # Then it cannot, by the mount and by the modes
    assert set(found["errno"]) <= set(READ_ONLY)
    assert found["can_unlink"] is False
    assert {"ro", "nosuid", "nodev"} <= set(found["options"])
    assert found["mode"] == 0o644
    assert found["uid"] != 0


@pytest.mark.parametrize("target", ["/", "/var/task", "/var/runtime"])
def test_the_trees_are_mounted_read_only(probe: Probe, target: str) -> None:
    assert {"ro", "nosuid", "nodev"} <= mount_options(probe, target)


def test_tmp_has_no_devices_and_no_set_user_id(probe: Probe) -> None:
    assert {"rw", "nosuid", "nodev"} <= mount_options(probe, "/tmp")


def test_every_mount_but_tmp_and_proc_is_read_only(probe: Probe) -> None:
    for line in probe.ask("mounts"):
        target, options = line.split()[4], line.split()[5].split(",")
        is_device = target.startswith("/dev/")
        if target not in ("/tmp", "/proc") and not is_device and "/proc/" not in target:
            assert "ro" in options, line


def test_nothing_of_the_host_is_visible(probe: Probe, server: LocalServer) -> None:
    paths = ["/root", "/home", "/etc/shadow", "/etc/ssh", "/var/log", "/var/lib", "/boot",
             "/srv", "/sys", "/dev/shm", "/dev/sda", "/dev/mem", "/dev/kmsg", "/dev/pts",
             str(server.data_dir), str(Path(__file__).parent)]  # fmt: skip
    for path in paths:
        with pytest.raises(Refused) as caught:
            probe.ask("listing", path=path)
        assert caught.value.errno in (errno.ENOENT, errno.ENOTDIR), f"{path}: {caught.value}"


def test_the_root_has_nothing_unexpected(probe: Probe) -> None:
    assert set(probe.ask("listing", path="/")) <= {
        "bin", "dev", "etc", "lib", "lib32", "lib64", "libx32", "mnt", "opt", "proc", "run", "sbin",
        "tmp", "usr", "var",
    }  # fmt: skip
    assert probe.ask("listing", path="/opt") == ["lib"]  # empty, where layers would have theirs
    assert probe.ask("listing", path="/opt/lib") == []
    assert probe.ask("listing", path="/mnt") == []
    assert [path for path in probe.ask("residue", path="/run") if path.endswith(".py")] == []
    assert set(probe.ask("listing", path="/dev")) <= {
        "fd", "full", "null", "random", "stderr", "stdin", "stdout", "urandom", "zero",
    }  # fmt: skip


CLOSED = """
import os
def handler(path, context):
    try:
        found = os.stat(path)
        if found.st_rdev == os.makedev(1, 3): return "covered"
        with open(path, "rb") as file: return "read " + str(len(file.read(16)))
    except OSError as error:
        return "errno"
"""


def test_entries_of_proc_that_show_the_host_are_closed(
    make_function: MakeFunction,
) -> None:
    function = make_function(source=CLOSED)
    for name in ("kcore", "keys", "key-users", "timer_list", "sched_debug", "kmsg", "latency_stats",
                 "sysrq-trigger", "kpagecount", "kpageflags"):  # fmt: skip
        assert function.call(f"/proc/{name}") in ("covered", "errno"), name


@pytest.mark.parametrize(
    "path",
    ["/proc/sys/kernel/core_pattern", "/proc/sys/kernel/hostname", "/proc/sys/vm/drop_caches",
     "/proc/sys/net/ipv4/ip_forward", "/proc/irq/default_smp_affinity"],
)  # fmt: skip
def test_kernel_settings_cannot_be_written(probe: Probe, path: str) -> None:
    assert probe.errno_of("open_path", path=path, mode="w") in (*READ_ONLY, errno.ENOENT)


def test_sysrq_has_no_trigger(make_function: MakeFunction) -> None:
    assert make_function(source=CLOSED).call("/proc/sysrq-trigger") in ("covered", "errno")


FDS = """
import os
def look():
    found = {}
    for name in os.listdir("/proc/self/fd"):
        try: found[name] = os.readlink("/proc/self/fd/" + name)
        except OSError: pass
    return found
AT_INIT = look()
def handler(event, context): return {"init": AT_INIT, "now": look()}
"""


def test_at_its_start_a_function_has_no_descriptor_but_stdio_and_its_runtimes_socket(
    make_function: MakeFunction,
) -> None:
    for descriptors in make_function(source=FDS).call().values():
        assert descriptors["0"] == "/dev/null"
        assert descriptors["1"].startswith("pipe:")
        assert descriptors["2"].startswith("pipe:")
        others = [target for name, target in descriptors.items() if name not in ("0", "1", "2")]
        assert all(target.startswith("socket:") for target in others), descriptors
        assert len(others) <= 1, descriptors


def test_tmp_is_as_large_as_the_ephemeral_storage(probe: Probe) -> None:
    try:
        assert probe.ask("fill", mb=500) == 500 * MB
        assert probe.errno_of("fill", path="/tmp/more", mb=20) == errno.ENOSPC
    finally:
        for path in ("/tmp/fill", "/tmp/more"):
            probe.function.call({"probe": "open_path", "arguments": {"path": path, "mode": "w"}})


def test_a_larger_ephemeral_storage_is_larger(make_function: MakeFunction) -> None:
    source = """
import os
def handler(event, context):
    found = os.statvfs("/tmp")
    return found.f_blocks * found.f_frsize >> 20
"""
    function = make_function(source=source, EphemeralStorage={"Size": 1500})
    assert function.call() == 1500


def test_tmp_holds_a_limited_number_of_files(probe: Probe) -> None:
    options = next(line for line in probe.ask("mounts") if line.split()[4] == "/tmp")
    assert "nr_inodes=" in options


def test_a_file_of_the_package_belongs_to_nobody_that_a_function_could_be(
    make_function: MakeFunction,
) -> None:
    function = make_function("files")
    found = function.call({"action": "stat", "path": "/var/task/app.py"})["ok"]
    assert found["uid"] != 0
    assert found["uid"] < 1_900_000_000
    assert stat.S_IMODE(found["mode"]) & 0o022 == 0

"""The file system of a sandbox: a small read-only root made of pieces of the host.

/usr /lib /lib64 /bin     the host's programs and libraries, read-only
/etc                      a handful of files made here, and the host's certificates
/var/lang                 the interpreter, when it is not the host's /usr
/var/runtime              lambdad's runtime and the AWS SDK
/var/task /opt            places for the function's code and layers
/mnt                      empty; the file system of a function that has one stands in it
/dev /proc /tmp           null zero full random urandom; the own processes; the own files
"""

from __future__ import annotations

import glob
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from lambdad.launcher import syscalls as sys

TASK = "/var/task"
RUNTIME = "/var/runtime"
LAYERS = "/opt"
LANG = "/var/lang"
MNT = "/mnt"
ARCHIVE = "/run/classes"  # of a function whose classes are archived
TMP = "/tmp"  # noqa: S108
RESOLVER = "/etc/resolv.conf"
NETWORK = "/run/network"  # an environment's network namespace, for its next run
NEW_PROC = "/run/proc"  # where /proc is mounted before it takes its place
_TMP_INODES_PER_MB = 256
_TMP_MB = 512  # AWS's default; set to what a function has when it is known
_READ_ONLY = sys.MS_RDONLY | sys.MS_NOSUID | sys.MS_NODEV
_HOST_TREES = (
    "/usr/bin",
    "/usr/lib",
    "/usr/lib64",
    "/usr/share/zoneinfo",
    "/usr/share/ca-certificates",
    "/etc/alternatives",
    "/etc/pki",
    "/etc/ssl/certs",
)
_HOST_LINKS = ("/bin", "/lib", "/lib64", "/sbin")
_HOST_FILES = ("/etc/ld.so.cache", "/etc/ssl/openssl.cnf", "/etc/localtime")
_DEVICES = ("null", "zero", "full", "random", "urandom")
# The loader remembers for good which of its directories were absent when the zygote started: those
# that a function's code or layers may bring must be there.
_EMPTY = (
    RUNTIME,
    f"{TASK}/lib",
    f"{LAYERS}/lib",
    MNT,
    ARCHIVE,
    TMP,
    "/proc",
    "/dev",
    "/var/lang/bin",
    NEW_PROC,
    "/usr/local/bin",
)
_FILES = {
    "/etc/passwd": "root:x:0:0:root:/root:/usr/sbin/nologin\n",
    "/etc/group": "root:x:0:\n",
    "/etc/hosts": "127.0.0.1 localhost sandbox.localdomain sandbox\n::1 localhost\n",
    "/etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
    RESOLVER: "",
    NETWORK: "",
}


def build_root(root: Path, binds: Mapping[str, Path], patterns: Sequence[str] = ()) -> None:
    """Assemble the tree at `root`; `binds` says what else of the host stands where in it, and what
    matches the `patterns` stands where it stands on the host.

    Runs in the mount namespace that will have it, before `enter_root`.
    """
    sys.mount("lambdad", str(root), "tmpfs", sys.MS_NOSUID | sys.MS_NODEV, "mode=755,size=4m")
    for directory in _EMPTY:
        _inside(root, directory).mkdir(parents=True, exist_ok=True)
    more = [path for pattern in patterns for path in glob.glob(pattern)]
    for tree in (*_HOST_TREES, *more):
        if os.path.isdir(tree) and not os.path.islink(tree):
            bind_read_only(Path(tree), _inside(root, tree))
    for link in _HOST_LINKS:
        _copy_link_or_bind(root, link)
    for name, content in _FILES.items():
        path = _inside(root, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    for file in _HOST_FILES:
        if os.path.exists(file) and not _inside(root, file).exists():
            bind_read_only(Path(os.path.realpath(file)), _inside(root, file))
    for target, source in binds.items():
        bind_read_only(source, _inside(root, target))
    _make_devices(root)
    sys.mount("proc", str(root / "proc"), "proc", sys.MS_NOSUID | sys.MS_NODEV | sys.MS_NOEXEC)


def link_interpreter(root: Path, executable: str, *names: str) -> None:
    """Give an interpreter of the host's /usr its place in /var/lang/bin, as AWS has it."""
    for name in {Path(executable).name, *names}:
        (root / "var/lang/bin" / name).symlink_to(executable)


def enter_root(root: Path) -> None:
    """Make `root` the root of this mount namespace, for good, and read-only."""
    os.chdir(root)
    sys.pivot_root(".", ".")
    sys.unmount(".")
    os.chdir("/")
    sys.mount(None, "/", None, sys.MS_REMOUNT | sys.MS_BIND | _READ_ONLY)
    sys.mount(None, "/", None, sys.MS_REC | sys.MS_PRIVATE)


def mount_tmp(size_mb: int = _TMP_MB, again: int = 0) -> None:
    """Give this mount namespace a /tmp of that size, or (MS_REMOUNT) another size to the one it
    has."""
    options = f"size={size_mb}m,mode=1777,nr_inodes={size_mb * _TMP_INODES_PER_MB}"
    sys.mount("tmp", TMP, "tmpfs", again | sys.MS_NOSUID | sys.MS_NODEV, options)


def keep_network() -> None:
    """Give the network namespace a name in this mount namespace, where a next run finds it."""
    sys.mount("/proc/self/ns/net", NETWORK, None, sys.MS_BIND)
    sys.mount(None, NETWORK, None, sys.MS_BIND | sys.MS_REMOUNT | sys.MS_NOEXEC | _READ_ONLY)


def open_network() -> int:
    """The network namespace of this mount namespace."""
    return os.open(NETWORK, os.O_RDONLY | os.O_CLOEXEC)


def furnish(tmp_mb: int, trees: Mapping[str, int]) -> None:
    """Put detached mounts in their places in this mount namespace, and set the size of its /tmp."""
    for place, tree in trees.items():
        if place.startswith(f"{MNT}/"):
            _make_place(place)
        sys.move_mount(tree, place)
    if tmp_mb != _TMP_MB:
        mount_tmp(tmp_mb, sys.MS_REMOUNT)


def _make_place(place: str) -> None:
    """A directory in /mnt. The root is one for all sandboxes, so this one gets its own /mnt."""
    flags = sys.MS_NOSUID | sys.MS_NODEV | sys.MS_NOEXEC
    sys.mount("mnt", MNT, "tmpfs", flags, "size=16k,mode=755,nr_inodes=4")
    directory = Path(place)
    directory.mkdir()
    directory.chmod(0o755)  # whatever the umask
    sys.mount(None, MNT, None, sys.MS_BIND | sys.MS_REMOUNT | sys.MS_RDONLY | flags)


def bind_read_only(source: Path, target: Path) -> None:
    """Show `source` (a file or a tree) at `target`, which is made, and let nobody write there."""
    if source.is_dir():
        target.mkdir(parents=True, exist_ok=True)
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.touch()
    origin = os.open(source, os.O_PATH | os.O_CLOEXEC)
    try:
        attributes = sys.MOUNT_ATTR_RDONLY | sys.MOUNT_ATTR_NOSUID | sys.MOUNT_ATTR_NODEV
        tree = sys.clone_mount(origin, attributes)
    finally:
        os.close(origin)
    try:
        sys.move_mount(tree, str(target))
    finally:
        os.close(tree)


def _inside(root: Path, path: str) -> Path:
    return root / path.lstrip("/")


def _copy_link_or_bind(root: Path, path: str) -> None:
    """/bin, /lib and their like: links into /usr on most systems, trees of their own on others."""
    target = _inside(root, path)
    if os.path.islink(path):
        target.symlink_to(os.readlink(path))
    elif os.path.isdir(path):
        bind_read_only(Path(path), target)


def _make_devices(root: Path) -> None:
    for name in _DEVICES:
        node = root / "dev" / name
        node.touch()
        sys.mount(f"/dev/{name}", str(node), None, sys.MS_BIND)
    (root / "dev/fd").symlink_to("/proc/self/fd")
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        (root / "dev" / name).symlink_to(f"/proc/self/fd/{number}")
    # No /dev/shm: AWS has none either.

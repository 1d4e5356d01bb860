"""Unpacked deployment packages and layers, ready to be mounted at /var/task and /opt.

    <data>/code/BOOT                      the boot of the machine in which these trees were made
    <data>/code/<sha256>-python3.11/      one package for one runtime: files and their bytecode
    <data>/code/<sha256>-layers-python3.11/
                                          layers in one tree; the digest is that of their digests
    <data>/code/.<something>              being made, or being thrown away

A tree is derived from its blob and so is never flushed to disk. What a crash of the machine may
have torn is thrown away: all trees of another boot, at the next start. A tree appears under its
name in one step, complete, and never changes again.
"""

from __future__ import annotations

import asyncio
import os
import re
import secrets
import shutil
import threading
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

from lambdad.environment.bytecode import compile_tree
from lambdad.errors import PlatformError
from lambdad.model.deployment_package import Kind, open_zip, read_file
from lambdad.model.function import Code, layers_digest
from lambdad.model.package_overlay import Member, lay_over
from lambdad.model.runtime import Interpreter

TASK_ROOT = "/var/task"
LAYERS_ROOT = "/opt"
AT_ONCE = 4  # trees; each may take a compiler's memory and time
_TREE = re.compile(r"[0-9a-f]{64}-.+")
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class Blobs(Protocol):
    """Where the zips are."""

    def path(self, digest: str) -> Path:
        """The file that holds the blob."""


class CodeStore:
    """The trees of one data directory."""

    def __init__(self, directory: Path, blobs: Blobs, sweeper: threading.Thread) -> None:
        self.directory = directory
        self._blobs = blobs
        self._sweeper = sweeper
        self._preparing: dict[str, asyncio.Task[None]] = {}
        self._turns = asyncio.Semaphore(AT_ONCE)

    @classmethod
    def open(cls, directory: Path, blobs: Blobs, *, boot_id: str | None = None) -> CodeStore:
        """Take over `directory`: torn and half-made trees leave it, in a thread of their own."""
        directory.mkdir(parents=True, exist_ok=True)
        boot = boot_id or _this_boot()
        if not boot or _boot_of(directory) != boot:
            _set_aside_trees(directory)
            (directory / "BOOT").write_text(boot)
        stale = [path for path in directory.iterdir() if path.name.startswith(".")]
        sweeper = threading.Thread(target=_sweep, args=(stale,), name="code-sweeper", daemon=True)
        sweeper.start()
        return cls(directory, blobs, sweeper)

    def close(self) -> None:
        """Wait until the sweeping that `open` began is done."""
        self._sweeper.join()

    def path(self, key: str) -> Path:
        """The directory of a prepared tree."""
        return self.directory / key

    def digests(self) -> set[str]:
        """The packages of which there are trees."""
        names = (path.name for path in self.directory.iterdir())
        return {name.partition("-")[0] for name in names if _TREE.fullmatch(name)}

    def discard(self, digest: str) -> None:
        """Remove the trees of a package that nothing runs and nothing refers to."""
        stale = [
            tree.rename(self.directory / f".stale-{secrets.token_hex(8)}")
            for tree in self.directory.glob(f"{digest}-*")
        ]
        if stale:
            threading.Thread(target=_sweep, args=(stale,), name="code-sweeper", daemon=True).start()

    async def prepare(self, code: Code, interpreter: Interpreter) -> str:
        """Unpack and compile `code` unless that has been done; return the key of its tree.

        Several callers that want the same tree at once share the work.
        """
        key = f"{code.sha256}-{interpreter.name}"
        return await self._prepare(key, [code], interpreter, TASK_ROOT)

    async def prepare_layers(self, layers: Sequence[Code], interpreter: Interpreter) -> str:
        """The same for the one tree of these layers, of which later ones overwrite earlier ones;
        "" when there are none."""
        if not layers:
            return ""
        key = f"{layers_digest(layers)}-layers-{interpreter.name}"
        return await self._prepare(key, layers, interpreter, LAYERS_ROOT)

    async def _prepare(
        self, key: str, packages: Sequence[Code], interpreter: Interpreter, run_at: str
    ) -> str:
        if key not in self._preparing and self.path(key).is_dir():
            return key
        task = self._preparing.get(key)
        if task is None:
            task = asyncio.create_task(self._make(key, packages, interpreter, run_at))
            self._preparing[key] = task
            task.add_done_callback(lambda done: self._forget(key, done))
        await asyncio.shield(task)
        return key

    def _forget(self, key: str, task: asyncio.Task[None]) -> None:
        del self._preparing[key]
        if not task.cancelled():
            task.exception()  # seen, also when everybody who waited for it has gone

    async def _make(
        self, key: str, packages: Sequence[Code], interpreter: Interpreter, run_at: str
    ) -> None:
        async with self._turns:
            await self._make_now(key, packages, interpreter, run_at)

    async def _make_now(
        self, key: str, packages: Sequence[Code], interpreter: Interpreter, run_at: str
    ) -> None:
        making = self.directory / f".{key}-{secrets.token_hex(4)}"
        paths = [self._blobs.path(package.sha256) for package in packages]
        try:
            has_python = await asyncio.to_thread(unpack, paths, making)
            if has_python:
                await compile_tree(making, interpreter, run_at)
            making.rename(self.path(key))
        except OSError as error:
            raise PlatformError(f"The deployment package cannot be unpacked: {error}") from error
        finally:
            await asyncio.to_thread(shutil.rmtree, making, ignore_errors=True)


def unpack(packages: Iterable[Path], directory: Path) -> bool:
    """Unpack zips, the later over the earlier, into the new `directory`; true when there is Python
    in it."""
    _make_directory(directory)
    with ExitStack() as opened:
        tree = lay_over(opened.enter_context(open_zip(package)) for package in packages)
        for path in tree.directories:
            _make_directory(directory / path)
        for member in tree.members:
            _unpack_member(member, directory / member.entry.path)
    return any(member.entry.path.endswith(".py") for member in tree.members)


def _unpack_member(member: Member, path: Path) -> None:
    entry = member.entry
    if entry.kind is Kind.LINK:
        path.symlink_to(entry.target)
    else:
        mode = 0o755 if entry.is_executable else 0o644
        _write(path, read_file(member.archive, entry), mode)


def _make_directory(path: Path) -> None:
    path.mkdir()
    path.chmod(0o755)  # whatever the umask


def _write(path: Path, chunks: Iterable[bytes], mode: int) -> None:
    with path.open("xb") as file:
        os.fchmod(file.fileno(), mode)
        for chunk in chunks:
            file.write(chunk)


def _this_boot() -> str:
    """The machine's boot id; empty where there is none, and then no tree outlives the server."""
    try:
        return BOOT_ID.read_text().strip()
    except OSError:
        return ""


def _boot_of(directory: Path) -> str:
    try:
        return (directory / "BOOT").read_text().strip()
    except (OSError, UnicodeDecodeError):
        return ""


def _set_aside_trees(directory: Path) -> None:
    for tree in directory.iterdir():
        if tree.is_dir() and not tree.name.startswith("."):
            tree.rename(directory / f".stale-{secrets.token_hex(8)}")


def _sweep(paths: Iterable[Path]) -> None:
    for path in paths:
        shutil.rmtree(path, ignore_errors=True)

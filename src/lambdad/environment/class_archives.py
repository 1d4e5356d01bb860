"""Archives of Java functions' classes: as they are in memory, for starts that find none waiting.

    <data>/code/<sha256>-classes-<fingerprint>/classes.jsa

One is made for each package with its layers, when it has been deployed and nobody waits for it. A
customer's classes are read by Java in a sandbox of that account, as those of a function that runs;
none of their code runs. What comes out is bytes to us, which only that account's functions get.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
import secrets
import shutil
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import lambdad
from lambdad.environment.code import TASK_ROOT, CodeStore
from lambdad.environment.handshake import Handshake
from lambdad.environment.launcher_client import Gauges, LauncherClient
from lambdad.errors import ClientError, PlatformError
from lambdad.launcher.contract import Order
from lambdad.launcher.messages import Exited
from lambdad.model.runtime import JAVA, Interpreter, family_of

FILE = "classes.jsa"
SIZE = "SIZE"  # bytes of it: Java takes for granted that none is missing
LEAST = 100_000  # bytes of classes: to load fewer takes less than an archive saves
LARGEST = 256 << 20  # bytes of an archive
SECONDS = 120
_MEMORY_MB = 1024  # and the share of the CPU that goes with it
_TMP_MB = 512
_OLDEST = 17  # keeps the classes of loaders other than its own
_CHUNK = 1 << 20
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ClassArchives:
    """Those of one server; they live and go with the trees of their packages."""

    code: CodeStore
    launcher: LauncherClient
    _making: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    _without: set[str] = field(default_factory=set)  # those that are not to be had
    _turn: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(1))

    def find(self, code: str, layers: str, interpreter: Interpreter, account_id: str) -> str:
        """The name of the archive for these trees; "" when there is none, which may be made from
        now on."""
        if not code or not _keeps_archives(interpreter):
            return ""
        name = _name(code, layers, interpreter, account_id)
        if name in self._without or name in self._making:
            return ""
        if _is_whole(self.code.path(name)):
            return name
        order = Order(
            environment_id=secrets.token_hex(16),
            runtime=interpreter.name,
            account_id=account_id,
            code=code,
            layers=layers,
            memory_mb=_MEMORY_MB,
            ephemeral_storage_mb=_TMP_MB,
            start="archive",
            egress="none",
        )
        self._making[name] = asyncio.create_task(self._make(name, order))
        return ""

    async def close(self) -> None:
        """Give up what is being made."""
        making = list(self._making.values())
        for task in making:
            task.cancel()
        await asyncio.gather(*making, return_exceptions=True)

    async def _make(self, name: str, order: Order) -> None:
        making = self.code.directory / f".{name}-{secrets.token_hex(4)}"
        self._without.add(name)
        try:
            async with self._turn:
                trees = [self.code.path(tree) for tree in (order.code, order.layers) if tree]
                if await asyncio.to_thread(_size_of_classes, trees) < LEAST:
                    return
                making.mkdir()
                making.chmod(0o755)  # whatever the umask
                size = await self._receive(order, making / FILE)
                (making / SIZE).write_text(str(size))
                shutil.rmtree(self.code.path(name), ignore_errors=True)  # one that is not whole
                making.rename(self.code.path(name))
                self._without.remove(name)
        except (OSError, PlatformError, ClientError) as error:
            _log.warning("The classes of %s start without an archive: %s", order.code, error)
        finally:
            shutil.rmtree(making, ignore_errors=True)
            del self._making[name]

    async def _receive(self, order: Order, path: Path) -> int:
        """Have the archive made, and written to `path`; its size."""
        reading, writing = os.pipe()
        handshake = Handshake({"LAMBDA_TASK_ROOT": TASK_ROOT})
        exited: asyncio.Future[Exited] = asyncio.get_running_loop().create_future()
        try:
            started = self.launcher.start(
                order, handshake.theirs.fileno(), writing, partial(_tell, exited)
            )
        except BaseException:
            handshake.give_up()
            os.close(reading)
            raise
        finally:
            handshake.close_theirs()
            os.close(writing)
        copying = asyncio.create_task(asyncio.to_thread(_copy, reading, path))
        try:
            async with asyncio.timeout(SECONDS):
                await _leave_alone(started, handshake)
                size = await copying
                status = (await exited).status
        except TimeoutError:
            raise PlatformError(f"it was not made in {SECONDS} seconds") from None
        finally:
            self.launcher.discard(order.environment_id)  # and so the pipe ends
            await asyncio.gather(copying, return_exceptions=True)
        if status != 0 or size == 0:
            raise PlatformError(f"Java ended with wait status {status}")
        return size


def _tell(exited: asyncio.Future[Exited], message: Exited) -> None:
    if not exited.done():
        exited.set_result(message)


async def _leave_alone(started: asyncio.Future[Gauges], handshake: Handshake) -> None:
    """Take what a sandbox hands out, of which all that is needed is that the CPU share holds."""
    try:
        gauges = await started
    except BaseException:
        handshake.give_up()
        raise
    gauges.limit_cpu()
    gauges.close()
    handed = await handshake.receive()
    for listener in handed.listeners or ():
        listener.close()
    for descriptor in (handed.memory, handed.tmp):
        if descriptor is not None:
            os.close(descriptor)


def _keeps_archives(interpreter: Interpreter) -> bool:
    name = interpreter.name
    return family_of(name) == JAVA and int(name.removeprefix(JAVA)) >= _OLDEST


def _name(code: str, layers: str, interpreter: Interpreter, account_id: str) -> str:
    """Begins as the tree of the package does, and so goes with it."""
    facts = (layers, account_id, interpreter.executable, interpreter.version, lambdad.__version__)
    fingerprint = hashlib.sha256("\n".join(facts).encode()).hexdigest()[:16]
    return f"{code.partition('-')[0]}-classes-{fingerprint}"


def _is_whole(tree: Path) -> bool:
    try:
        return (tree / FILE).stat().st_size == int((tree / SIZE).read_text())
    except (OSError, ValueError):
        return False


def _size_of_classes(trees: Iterable[Path]) -> int:
    return sum(
        os.lstat(os.path.join(directory, name)).st_size
        for tree in trees
        for directory, _, names in os.walk(tree)
        for name in names
        if name.endswith((".class", ".jar"))
    )


def _copy(reading: int, path: Path) -> int:
    """All that a pipe has, into a new file, whose size is returned; OSError when it is too much."""
    with open(reading, "rb", buffering=0) as pipe, path.open("xb") as file:
        os.fchmod(file.fileno(), 0o644)
        while chunk := pipe.read(_CHUNK):
            if file.tell() + len(chunk) > LARGEST:
                raise OSError(f"an archive of more than {LARGEST} bytes is not kept")
            file.write(chunk)
        return file.tell()

"""The `process` sandbox: a process with resource limits, and no isolation at all.

For macOS and for places where namespaces are locked away. A function can see the host's files and
network as the user it runs as. As root, that is a user id of its own.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from lambdad.launcher import background, looking
from lambdad.launcher.contract import (
    OS_ONLY,
    Ended,
    Exit,
    Gauges,
    Looked,
    NotToBeHad,
    Order,
    Prepared,
    Sandbox,
)
from lambdad.launcher.host_directories import HostDirectories
from lambdad.launcher.interpreters import Interpreter, newest_python
from lambdad.launcher.languages import Installed
from lambdad.launcher.loop import Loop
from lambdad.launcher.runtime_trees import RuntimeTrees
from lambdad.launcher.slots import UserIds

_REMOVERS = 20  # one after another
_STRANGERS_NEED = 0o005  # to list a directory, and to pass
_MAIN = (
    "import sys; sys.path.insert(0, sys.argv[1]); "
    "from lambdad.launcher.process_child import main; "
    "main(int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])"
)


class Processes:
    """Makes `process` sandboxes: a fresh interpreter each."""

    name = "process"

    def __init__(
        self,
        *,
        loop: Loop,
        user_ids: UserIds | None,
        interpreters: dict[str, Interpreter],
        languages: dict[str, Installed],
        trees: RuntimeTrees,
        code_directory: Path,
        temporary_directory: Path,
        directories: HostDirectories,
    ) -> None:
        self._loop = loop
        self._directories = directories
        self._user_ids = user_ids
        self._interpreters = interpreters
        self._languages = languages
        self._trees = trees
        self._code_directory = code_directory
        self._temporary_directory = temporary_directory
        _remove_what_is_left(temporary_directory)
        temporary_directory.mkdir(parents=True)
        temporary_directory.chmod(0o711)

    def prepare(self, runtime: str, account_id: str, memory_mb: int, prepared: Prepared) -> None:
        """Make the runtime's trees, in a process of its own: compilers take seconds."""
        try:
            self._interpreter(runtime)
        except OSError as error:
            prepared(str(error))
        else:
            background.run(self._loop, partial(self._make_trees, runtime), prepared)

    def look(self, directory: str, looked: Looked) -> None:
        """In a process of its own."""
        looking.look(self._loop, self._directories, directory, looked)

    def count_waiting(self) -> int:
        """None waits: each is started when it is asked for."""
        return 0

    def start(self, order: Order, channel: int, output: int, ended: Ended) -> Sandbox:
        """Start the interpreter; `code` and `layers` are names below the code store."""
        task = self._find_code(order)
        interpreter = self._interpreter(order.runtime)
        try:
            tree, runtime = self._make_trees(order.runtime)
        except subprocess.SubprocessError as error:
            raise OSError(str(error)) from error
        uid = self._user_ids.take() if self._user_ids else None
        temporary = Path(tempfile.mkdtemp(dir=self._temporary_directory))
        command: dict[str, object] = {
            "task": task,
            "layers": self._tree(order.layers) if order.layers else None,
            "tmp": str(temporary),
            "runtime": str(runtime),
            "source": str(tree / "source"),
            "launcher": os.getpid(),
            "start": order.start,
            **self._program(order, runtime),
        }
        program = _Program(interpreter, command, uid)
        sandbox = _Process(self._loop, program, ended, partial(self._give_back, uid, temporary))
        try:
            if uid is not None:
                os.chown(temporary, uid, uid)
            sandbox.run(channel, output)
        except BaseException:
            self._give_back(uid, temporary)
            raise
        return sandbox

    def close(self) -> None:
        """Nothing is kept besides the sandboxes themselves."""

    def _find_code(self, order: Order) -> str:
        if order.file_system:
            raise NotToBeHad(order.file_system, "the process sandbox mounts nothing")
        if not order.live_code:
            return str(self._code_directory / Path(order.code).name)
        directory = self._directories.open_live_code(order.live_code)
        try:
            mode = os.fstat(directory).st_mode
        finally:
            os.close(directory)
        if self._user_ids and mode & _STRANGERS_NEED != _STRANGERS_NEED:
            raise NotToBeHad(order.live_code, "the function's user may not read it (chmod o+rx)")
        return order.live_code

    def _give_back(self, uid: int | None, temporary: Path) -> None:
        if uid is not None and self._user_ids:
            self._user_ids.give_back(uid)
        removing = _start_removing(temporary)
        removing.returncode = 0  # the loop reaps it; Popen must not try
        self._loop.adopt(removing.pid, lambda status: None)

    def _tree(self, name: str) -> str:
        return str(self._code_directory / Path(name).name)

    def _make_trees(self, runtime: str) -> tuple[Path, Path]:
        """The tree of the interpreter, and the directory of the runtime."""
        tree = self._trees.make(self._interpreter(runtime))
        guest = self._languages.get(runtime)
        return tree, (self._trees.make_language(guest) if guest else tree) / "runtime"

    def _program(self, order: Order, runtime: Path) -> dict[str, object]:
        """Of another language; none for Python."""
        guest = self._languages.get(order.runtime)
        if guest is None:
            return {"program": None}
        language, executable = guest.language, guest.interpreter.executable
        command = language.command(executable, str(runtime), order.memory_mb)
        return {"program": command, "variables": language.variables}

    def _interpreter(self, runtime: str) -> Interpreter:
        """The one that runs functions in Python, or starts the program of another language."""
        if runtime in self._languages or runtime == OS_ONLY:
            interpreter = newest_python(self._interpreters)
        else:
            interpreter = self._interpreters.get(runtime)
        if interpreter is None:
            raise OSError(f"{runtime} is not on this machine")
        return interpreter


@dataclass(frozen=True)
class _Program:
    """What is run, as which user (None: the server's own)."""

    interpreter: Interpreter
    command: dict[str, object]
    uid: int | None

    def start(self, channel: int, output: int) -> int:
        """Start it; returns the process id."""
        source = str(self.command["source"])
        arguments = [source, str(channel), str(output), json.dumps(self.command)]
        process = subprocess.Popen(  # noqa: S603
            [self.interpreter.executable, "-I", "-S", "-X", "utf8", "-c", _MAIN, *arguments],
            stdin=subprocess.DEVNULL,
            env={"PATH": os.environ.get("PATH", os.defpath)},
            pass_fds=(channel, output),
            start_new_session=True,
            user=self.uid,
            group=self.uid,
            extra_groups=[] if self.uid is not None else None,
        )
        process.returncode = 0  # the loop reaps it; Popen must not try
        return process.pid


class _Process:
    """What the function starts is in its process group, unless it takes care not to be."""

    def __init__(
        self, loop: Loop, program: _Program, ended: Ended, give_back: Callable[[], None]
    ) -> None:
        self._loop = loop
        self._program = program
        self._ended = ended
        self._give_back = give_back
        self._pid: int | None = None  # while it runs
        self._is_discarded = False

    def run(self, channel: int, output: int) -> None:
        self._pid = self._program.start(channel, output)
        self._loop.adopt(self._pid, self._exited)

    restart = run

    def gauges(self) -> Gauges:
        return Gauges()

    def kill(self) -> None:
        self._signal(signal.SIGKILL)

    def check_memory(self) -> int | None:
        return 0  # nothing limits it

    def freeze(self) -> None:
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def discard(self) -> None:
        self._is_discarded = True
        if self._pid is None:
            self._give_back()
        else:
            self.kill()

    def _exited(self, status: int) -> None:
        self.kill()  # those that it started
        self._pid = None
        if self._is_discarded:
            self._give_back()
        self._ended(Exit(status))

    def _signal(self, number: int) -> None:
        if self._pid is not None:
            try:
                os.killpg(self._pid, number)
            except (ProcessLookupError, PermissionError):
                pass


def _remove_what_is_left(directory: Path) -> None:
    """Of a killed server. Who removes it may be killed as well: another one goes on."""
    for _ in range(_REMOVERS):
        _start_removing(directory).wait()
        if not directory.exists():
            return


def _start_removing(directory: Path) -> subprocess.Popen[bytes]:
    """Remove a tree that a function filled as it liked: any depth, any size, any time."""
    return subprocess.Popen(["/bin/rm", "-rf", "--", directory])  # noqa: S603

"""Bytecode is made when a function is deployed: where it runs, its code is read-only."""

from __future__ import annotations

import asyncio
import logging
import os
from pathlib import Path

from lambdad.model.runtime import Interpreter

CPU_SECONDS = 240
TIMEOUT = 300
MEMORY = 2 << 30

_PROGRAM = Path(__file__).with_name("compile_bytecode.py")
_log = logging.getLogger(__name__)


async def compile_tree(tree: Path, interpreter: Interpreter, run_at: str) -> None:
    """Compile all Python files of `tree` for `interpreter`, as far as they can be compiled. Where
    they run, the tree is at `run_at`.

    It never fails: without bytecode the function starts more slowly, and no more than that.
    """
    ours, theirs = os.pipe()  # held open while we live; see the program's docstring
    try:
        status = await _run(tree, interpreter, run_at, stdin=ours)
        if status != 0:
            _log.warning("Compiling %s with %s ended with %s.", tree, interpreter.name, status)
    except TimeoutError:
        _log.warning("Compiling %s with %s took too long.", tree, interpreter.name)
    finally:
        os.close(ours)
        os.close(theirs)


async def _run(tree: Path, interpreter: Interpreter, run_at: str, stdin: int) -> int:
    limits = (str(CPU_SECONDS), str(MEMORY))
    process = await asyncio.create_subprocess_exec(
        *(interpreter.executable, "-I", "-S", "-X", "utf8", "-W", "ignore"),
        *(str(_PROGRAM), str(tree), run_at, *limits),
        stdin=stdin,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        env={},
    )
    try:
        async with asyncio.timeout(TIMEOUT):
            return await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()

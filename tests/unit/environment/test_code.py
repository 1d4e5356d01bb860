"""Unpacked packages: complete, compiled, harmless, and gone when they may be torn."""

from __future__ import annotations

import asyncio
import hashlib
import io
import os
import signal
import stat
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from lambdad.environment import bytecode
from lambdad.environment.code import CodeStore, unpack
from lambdad.errors import ClientError, PlatformError
from lambdad.model.function import Code
from lambdad.model.runtime import Interpreter

THIS_PYTHON = Interpreter(
    f"python{sys.version_info.major}.{sys.version_info.minor}",
    sys.version.split()[0],
    os.path.realpath(sys.executable),
)


class Blobs:
    """Zips as plain files."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def add(self, content: bytes) -> Code:
        digest = hashlib.sha256(content).hexdigest()
        (self.directory / digest).write_bytes(content)
        return Code(digest, len(content))

    def path(self, digest: str) -> Path:
        return self.directory / digest


def make_zip(files: dict[str, str], modes: dict[str, int] | None = None) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in files.items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = (modes or {}).get(name, 0o100600) << 16
            archive.writestr(entry, text)
    return buffer.getvalue()


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    (tmp_path / "blobs").mkdir()
    return Blobs(tmp_path / "blobs")


@pytest.fixture
def open_store(tmp_path: Path, blobs: Blobs) -> Callable[..., CodeStore]:
    def open_store(boot_id: str = "boot-1") -> CodeStore:
        store = CodeStore.open(tmp_path / "code", blobs, boot_id=boot_id)
        store.close()
        return store

    return open_store


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def test_modes_are_normalised_and_links_kept(tmp_path: Path) -> None:
    # Given files with odd modes, set-uid among them, and a link
    package = tmp_path / "package.zip"
    package.write_bytes(
        make_zip(
            {"bin/tool": "#!", "lib/deep/a.txt": "a", "private": "p", "latest": "lib/deep"},
            {"bin/tool": 0o104711, "lib/deep/a.txt": 0o100000, "latest": 0o120777},
        )
    )

    # When it is unpacked under a strict umask
    umask = os.umask(0o077)
    try:
        unpack([package], tmp_path / "tree")
    finally:
        os.umask(umask)

    # Then every mode is one of two, and the link leads where it led
    tree = tmp_path / "tree"
    assert mode(tree) == mode(tree / "bin") == mode(tree / "lib" / "deep") == 0o755
    assert mode(tree / "bin" / "tool") == 0o755
    assert mode(tree / "private") == mode(tree / "lib" / "deep" / "a.txt") == 0o644
    assert (tree / "latest" / "a.txt").read_text() == "a"


async def test_a_prepared_tree_has_bytecode_that_needs_no_source(
    blobs: Blobs, open_store: Callable[..., CodeStore]
) -> None:
    # Given a package with a good, a broken and a linked module
    code = blobs.add(
        make_zip(
            {
                "app/handler.py": "def handler(): return __file__",
                "app/broken.py": "def",
                "app/linked.py": "handler.py",
            },
            {"app/linked.py": 0o120777},
        )
    )
    store = open_store()

    # When it is prepared
    key = await store.prepare(code, THIS_PYTHON)

    # Then the good one alone has bytecode, which names the file as the sandbox will call it
    assert key == f"{code.sha256}-{THIS_PYTHON.name}"
    cached = sorted(os.listdir(store.path(key) / "app" / "__pycache__"))
    assert cached == [f"handler.{sys.implementation.cache_tag}.pyc"]
    compiled = (store.path(key) / "app" / "__pycache__" / cached[0]).read_bytes()
    assert compiled[4:8] == b"\x01\x00\x00\x00", "unchecked hash: imports must not stat the source"
    assert b"/var/task/app/handler.py" in compiled


async def test_an_import_uses_the_bytecode(
    blobs: Blobs, open_store: Callable[..., CodeStore]
) -> None:
    code = blobs.add(make_zip({"answer.py": "value = 42"}))
    store = open_store()
    tree = store.path(await store.prepare(code, THIS_PYTHON))

    (tree / "answer.py").write_text("value = 'from the source'")

    program = f"import sys; sys.path.insert(0, {str(tree)!r}); import answer; print(answer.value)"
    command = [THIS_PYTHON.executable, "-I", "-S", "-c", program]
    ended = await asyncio.to_thread(subprocess.run, command, capture_output=True, check=True)
    assert ended.stdout == b"42\n"


async def test_concurrent_prepares_share_the_work(
    blobs: Blobs, open_store: Callable[..., CodeStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled: list[Path] = []

    async def compile_tree(tree: Path, interpreter: Interpreter, run_at: str) -> None:
        compiled.append(tree)
        await asyncio.sleep(0)

    monkeypatch.setattr("lambdad.environment.code.compile_tree", compile_tree)
    code = blobs.add(make_zip({"a.py": ""}))
    store = open_store()

    keys = await asyncio.gather(*[store.prepare(code, THIS_PYTHON) for _ in range(5)])
    again = await store.prepare(code, THIS_PYTHON)

    assert len(set(keys)) == len(compiled) == 1
    assert again == keys[0]


async def test_a_caller_that_gives_up_does_not_stop_the_others(
    blobs: Blobs, open_store: Callable[..., CodeStore]
) -> None:
    code = blobs.add(make_zip({"a.txt": ""}))
    store = open_store()
    impatient = asyncio.create_task(store.prepare(code, THIS_PYTHON))
    patient = asyncio.create_task(store.prepare(code, THIS_PYTHON))
    await asyncio.sleep(0)

    impatient.cancel()

    assert store.path(await patient).is_dir()


async def test_layers_are_one_tree_in_which_the_later_overwrites(
    blobs: Blobs, open_store: Callable[..., CodeStore]
) -> None:
    # Given two layers that overlap
    lower = blobs.add(make_zip({"python/own.py": "v = 1", "python/both.py": "v = 'lower'"}))
    upper = blobs.add(make_zip({"python/both.py": "v = 'upper'", "bin/tool": "#!"}))
    store = open_store()

    # When they are prepared in both orders
    key = await store.prepare_layers([lower, upper], THIS_PYTHON)
    turned = await store.prepare_layers([upper, lower], THIS_PYTHON)

    # Then each order has a tree of its own, compiled for where it will be
    assert (store.path(key) / "python/both.py").read_text() == "v = 'upper'"
    assert (store.path(turned) / "python/both.py").read_text() == "v = 'lower'"
    assert sorted(os.listdir(store.path(key))) == ["bin", "python"]
    (compiled,) = (store.path(key) / "python/__pycache__").glob("own.*")
    assert b"/opt/python/own.py" in compiled.read_bytes()


async def test_the_tree_of_layers_is_shared_and_outlives_the_server(
    blobs: Blobs, open_store: Callable[..., CodeStore]
) -> None:
    layers = [blobs.add(make_zip({"a": "1"})), blobs.add(make_zip({"b": "2"}))]
    store = open_store()
    keys = await asyncio.gather(*[store.prepare_layers(layers, THIS_PYTHON) for _ in range(3)])
    inode = store.path(keys[0]).stat().st_ino
    again = open_store()
    assert {*keys} == {await again.prepare_layers(layers, THIS_PYTHON)}
    assert again.path(keys[0]).stat().st_ino == inode


async def test_without_layers_there_is_no_tree(open_store: Callable[..., CodeStore]) -> None:
    store = open_store()
    assert await store.prepare_layers([], THIS_PYTHON) == ""
    assert os.listdir(store.directory) == ["BOOT"]


async def test_layers_whose_links_lead_out_together_leave_nothing_behind(
    blobs: Blobs, open_store: Callable[..., CodeStore]
) -> None:
    # Given two layers, each harmless: in the first `way` ends at the root, in the second above it
    lower = blobs.add(make_zip({"way": "d/e/../.."}, {"way": 0o120777}))
    upper = blobs.add(make_zip({"d/e": ".."}, {"d/e": 0o120777}))
    store = open_store()

    with pytest.raises(ClientError, match="A link leaves the package"):
        await store.prepare_layers([lower, upper], THIS_PYTHON)

    assert os.listdir(store.directory) == ["BOOT"]


async def test_nothing_is_compiled_where_there_is_no_python(
    blobs: Blobs, open_store: Callable[..., CodeStore]
) -> None:
    code = blobs.add(make_zip({"bootstrap": "#!/bin/sh"}))
    store = open_store()
    nowhere = Interpreter("python3.99", "3.99", "/nonexistent")

    key = await store.prepare(code, nowhere)

    assert os.listdir(store.path(key)) == ["bootstrap"]


async def test_a_broken_blob_leaves_nothing_behind(
    blobs: Blobs, open_store: Callable[..., CodeStore]
) -> None:
    code = blobs.add(b"not a zip")
    store = open_store()

    with pytest.raises(ClientError, match="Could not unzip uploaded file"):
        await store.prepare(code, THIS_PYTHON)

    assert os.listdir(store.directory) == ["BOOT"]


async def test_a_disk_that_fails_is_not_the_packages_fault(
    blobs: Blobs, open_store: Callable[..., CodeStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("lambdad.environment.code._write", full)
    store = open_store()

    with pytest.raises(PlatformError, match="No space left on device"):
        await store.prepare(blobs.add(make_zip({"a": ""})), THIS_PYTHON)

    assert os.listdir(store.directory) == ["BOOT"]


async def test_trees_outlive_the_server_but_not_the_machine(
    blobs: Blobs, open_store: Callable[..., CodeStore]
) -> None:
    # Given a tree, and one that was being made when the server was killed
    store = open_store("boot-1")
    key = await store.prepare(blobs.add(make_zip({"a": ""})), THIS_PYTHON)
    (store.directory / ".half-made").mkdir()

    # When the server starts again, then the half-made one is gone
    assert sorted(os.listdir(open_store("boot-1").directory)) == sorted(["BOOT", key])

    # When the machine starts again, then all are gone
    assert os.listdir(open_store("boot-2").directory) == ["BOOT"]


async def test_compiling_ends_at_its_time_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    # Given an interpreter that hangs
    hanging = tmp_path / "python"
    hanging.write_text("#!/bin/sh\nexec sleep 60\n")
    hanging.chmod(0o755)
    monkeypatch.setattr(bytecode, "TIMEOUT", 0.05)

    # When it compiles
    interpreter = Interpreter("python3.11", "3.11.0", str(hanging))
    await bytecode.compile_tree(tmp_path, interpreter, "/var/task")

    # Then it is ended, and the tree stays as it is
    assert "took too long" in caplog.text


def test_the_compiler_dies_with_its_starter(tmp_path: Path) -> None:
    # Given a compiler whose starter is gone already: its end of the pipe is closed
    (tmp_path / "a.py").write_text("")
    ours, theirs = os.pipe()
    os.close(theirs)
    program = str(Path(bytecode.__file__).with_name("compile_bytecode.py"))

    # When it runs
    command = [THIS_PYTHON.executable, "-I", "-S", program, str(tmp_path), "/var/task", "9", "1"]
    result = subprocess.run(command, stdin=ours, capture_output=True, check=False)
    os.close(ours)

    # Then it has done nothing
    assert result.returncode != 0
    assert os.listdir(tmp_path) == ["a.py"]


def test_the_compiler_is_ended_when_its_starter_dies() -> None:
    # Given a compiler that is at work
    directory = str(Path(bytecode.__file__).parent)
    program = (
        f"import sys, time; sys.path.insert(0, {directory!r}); import compile_bytecode as it;"
        "it._end_with_starter(); print('at work', flush=True); time.sleep(60)"
    )
    command = [THIS_PYTHON.executable, "-B", "-I", "-S", "-c", program]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as compiler:
        assert compiler.stdin is not None
        assert compiler.stdout is not None
        compiler.stdout.readline()

        # When its starter's end of the pipe is closed, then the kernel ends it
        compiler.stdin.close()
        assert compiler.wait() == -signal.SIGIO


async def test_the_trees_of_a_package_are_discarded_together(
    blobs: Blobs, open_store: Callable[..., CodeStore]
) -> None:
    # Given two packages
    first, second = (blobs.add(make_zip({"app.txt": text})) for text in ("a", "b"))
    store = open_store()
    keys = [await store.prepare(code, THIS_PYTHON) for code in (first, second)]
    assert store.digests() == {first.sha256, second.sha256}
    # When
    store.discard(first.sha256)
    store.discard("ab" * 32)
    # Then
    assert [store.path(key).exists() for key in keys] == [False, True]
    assert store.digests() == {second.sha256}
    # And it can be made again
    assert store.path(await store.prepare(first, THIS_PYTHON)).is_dir()

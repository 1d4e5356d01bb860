"""The classes of a large function in Java are archived once it is deployed, for cold starts."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import lambdad
from lambdad.launcher.languages import java
from lambdad.testing.server import LocalServer
from support.functions import DeployedFunction
from support.packages import directory_files, make_zip
from support.waiting import wait_until

Make = Callable[..., DeployedFunction]
pytestmark = [pytest.mark.slow, pytest.mark.root]

INTERFACES = Path(lambdad.__file__).parent / "runtimes/java/com"
SECONDS = 60
COUNT = 150
HANDLER = """
package example;
import com.amazonaws.services.lambda.runtime.*;
import java.nio.file.*;
import java.util.*;
public class Large implements RequestHandler<Map<String, Object>, Map<String, Object>> {
    static int initialized = 0;
    public Map<String, Object> handleRequest(Map<String, Object> event, Context context) {
        try {
            for (int i = 0; i < COUNT; i++) {
                ((Runnable) Class.forName("example.Part" + i).getConstructor().newInstance()).run();
            }
            String maps = Files.readString(Path.of("/proc/self/maps"));
            boolean isUsed = maps.contains("/run/classes/classes.jsa");
            var source = Large.class.getProtectionDomain().getCodeSource().getLocation();
            return Map.of(
                "archived", isUsed, "initialized", initialized, "source", source.toString());
        } catch (Exception error) {
            throw new RuntimeException(error);
        }
    }
}
""".replace("COUNT", str(COUNT))
PART = """
package example;
public class Part%d implements Runnable {
    static { Large.initialized++; }
    private String text = "%s";
    public void run() { text = text.strip(); }
}
"""
SETTINGS = {"Runtime": "java17", "Handler": "example.Large"}
ANSWER = {"initialized": COUNT, "source": "file:/var/task/"}


@pytest.fixture(scope="module")
def package() -> bytes:
    """A function with many classes."""
    found = java.find()
    if not found:
        pytest.skip("this machine has no JDK")
    compiler = Path(found[0].executable).with_name("javac")
    with tempfile.TemporaryDirectory() as name:
        sources, classes = Path(name) / "sources", Path(name) / "classes"
        sources.mkdir()
        (sources / "Large.java").write_text(HANDLER)
        for number in range(COUNT):
            (sources / f"Part{number}.java").write_text(PART % (number, " text " * 120))
        files = [*sources.glob("*.java"), *INTERFACES.rglob("*.java")]
        command = [str(compiler), "--release", "11", "-d", str(classes), *map(str, files)]
        subprocess.run(command, check=True)
        shutil.rmtree(classes / "com")  # which the runtime provides
        return make_zip(directory_files(classes))


@pytest.fixture(scope="module")
def dry_server(new_server: Callable[..., LocalServer]) -> Iterator[LocalServer]:
    """A server where nothing is made ahead."""
    server = new_server(pool_memory=0).start()
    yield server
    server.stop()


@pytest.fixture
def function(make_function: Make, dry_server: LocalServer, package: bytes) -> DeployedFunction:
    """A large function on it."""
    return make_function(on=dry_server, package=package, **SETTINGS)


def archives(server: LocalServer) -> list[Path]:
    return sorted((server.data_dir / "node/code").glob("[!.]*-classes-*/classes.jsa"))


def wait_for_archive(server: LocalServer) -> Path:
    wait_until(lambda: archives(server), "the archive is there", timeout=SECONDS)
    (archive,) = archives(server)
    return archive


def start_anew(function: DeployedFunction) -> dict[str, object]:
    """The answer of an environment that is new."""
    function.update_configuration(Description="another")
    function.wait_until_updated()
    answer = function.invoke({})
    assert answer.is_cold, str(answer)
    value: dict[str, object] = answer.value
    return value


def test_a_cold_start_has_the_archive_when_it_is_made(
    function: DeployedFunction, dry_server: LocalServer
) -> None:
    assert function.call({})["initialized"] == COUNT  # whether or not it is there
    wait_for_archive(dry_server)
    assert start_anew(function) == {"archived": True, **ANSWER}


def test_an_archive_survives_a_restart(
    make_function: Make,
    start_server: Callable[..., LocalServer],
    client_for: Callable[..., Any],
    package: bytes,
) -> None:
    # Given
    server = start_server(pool_memory=0)
    function = make_function(on=server, package=package, **SETTINGS)
    archive = wait_for_archive(server)
    made = archive.stat().st_mtime_ns
    # When
    server.stop()
    server = start_server(server.data_dir, pool_memory=0)
    # Then
    again = replace(function, client=client_for("lambda", server))
    assert again.call({}) == {"archived": True, **ANSWER}
    assert archive.stat().st_mtime_ns == made


def test_an_archive_that_lacks_its_end_is_made_again(
    function: DeployedFunction, dry_server: LocalServer
) -> None:
    # Given
    archive = wait_for_archive(dry_server)
    whole = archive.stat().st_size
    archive.write_bytes(archive.read_bytes()[: whole // 2])
    # When
    assert start_anew(function) == {"archived": False, **ANSWER}
    # Then
    wait_until(lambda: wait_for_archive(dry_server).stat().st_size == whole, "it is whole again")
    assert start_anew(function) == {"archived": True, **ANSWER}


def test_a_function_of_which_an_archive_is_broken_starts_without_it(
    function: DeployedFunction, dry_server: LocalServer
) -> None:
    archive = wait_for_archive(dry_server)
    size = archive.stat().st_size
    archive.write_bytes(archive.read_bytes()[:4096] + os.urandom(size - 4096))
    assert start_anew(function) == {"archived": False, **ANSWER}
    shutil.rmtree(archive.parent)


def test_an_archive_that_is_lost_is_made_again(
    function: DeployedFunction, dry_server: LocalServer
) -> None:
    archive = wait_for_archive(dry_server)
    shutil.rmtree(archive.parent)
    assert start_anew(function)["initialized"] == COUNT
    wait_for_archive(dry_server)
    assert start_anew(function) == {"archived": True, **ANSWER}

"""As a developer I bring libraries in the zip, compiled ones too, and mine win."""

from __future__ import annotations

import _socket
from collections.abc import Callable
from pathlib import Path

import pytest

from support.functions import DeployedFunction
from support.packages import installed_files
from support.sandboxes import on_both

MakeFunction = Callable[..., DeployedFunction]
pytestmark = pytest.mark.slow


@on_both
def test_a_compiled_library_in_the_zip_works(make_function: MakeFunction) -> None:
    # Given
    handler = """
import httptools
def handler(event, context):
    url = httptools.parse_url(event.encode())
    return url.host.decode(), httptools.parser.parser.__file__
"""
    libraries = installed_files("httptools")
    assert any(name.endswith(".so") for name in libraries)
    # When
    function = make_function(files={"app.py": handler, **libraries}, Timeout=30)
    host, file = function.call("http://example.org/x")
    # Then
    assert host == "example.org"
    assert "/parser.cpython-" in file
    assert not file.startswith("/var/runtime")


def test_what_the_server_has_installed_is_not_at_hand(make_function: MakeFunction) -> None:
    for module in ("httptools", "sqlalchemy", "pytest"):
        answer = make_function(source=f"import {module}\ndef handler(e, c): pass").invoke()
        assert answer.error, f"{module} could be imported"
        assert answer.value["errorType"] == "Runtime.ImportModuleError"


@on_both
def test_nothing_of_lambdads_own_can_be_imported(make_function: MakeFunction) -> None:
    source = (
        "import sys\ndef handler(e, c): return sorted(n for n in sys.modules if 'lambdad' in n)"
    )
    names = make_function(source=source).call()
    assert [name for name in names if not name.startswith("lambdad_runtime")] == []


@on_both
def test_a_bundled_sdk_shadows_the_runtimes(make_function: MakeFunction) -> None:
    files = {
        "app.py": "import boto3\ndef handler(e, c): return boto3.__version__, boto3.__file__",
        "boto3/__init__.py": "__version__ = '0.0.1-mine'",
    }
    version, file = make_function(files=files).call()
    assert version == "0.0.1-mine"
    assert "/var/runtime/" not in file


def test_a_bundled_part_of_the_sdk_shadows_the_runtimes(make_function: MakeFunction) -> None:
    files = {
        "app.py": "import six\ndef handler(e, c): return six.__version__",
        "six.py": "__version__ = 'mine'",
    }
    assert make_function(files=files).call() == "mine"


def test_a_module_of_the_functions_own_may_have_a_common_name(make_function: MakeFunction) -> None:
    files = {
        "app.py": "import utils, config\ndef handler(e, c): return utils.X + config.Y",
        "utils.py": "X = 40",
        "config.py": "Y = 2",
    }
    assert make_function(files=files).call() == 42


def test_two_functions_with_modules_of_one_name_do_not_mix(make_function: MakeFunction) -> None:
    functions = [
        make_function(
            files={
                "app.py": "import shared\ndef handler(e, c): return shared.WHOSE",
                "shared.py": f"WHOSE = {number}",
            }
        )
        for number in range(3)
    ]
    assert [function.call() for function in functions] == [0, 1, 2]


def test_a_program_in_the_zip_can_be_run(make_function: MakeFunction) -> None:
    # Given a program that the zip marks as executable (an ordinary file stays one)
    handler = """
import os, subprocess
def handler(event, context):
    done = subprocess.run(["/bin/sh", "tool.sh", "word"], capture_output=True, text=True)
    return done.stdout
"""
    files = {"app.py": handler, "tool.sh": "#!/bin/sh\necho got $1\n"}
    # When, Then
    assert make_function(files=files).call() == "got word\n"


def test_native_libraries_in_the_lib_directory_are_found(make_function: MakeFunction) -> None:
    """LD_LIBRARY_PATH has /var/task/lib, and the loader must not think that it is absent."""
    library = Path(_socket.__file__).read_bytes()  # any shared object will do
    source = "import ctypes\ndef handler(e, c): return bool(ctypes.CDLL('libmine.so'))"
    function = make_function(files={"app.py": source, "lib/libmine.so": library})
    assert function.call() is True


def test_a_function_reads_what_is_its_own_in_proc_and_dev(make_function: MakeFunction) -> None:
    source = """
def handler(event, context):
    with open("/dev/stdout", "w") as output:
        output.write("through the device\\n")
    return len(open("/proc/self/environ", "rb").read())
"""
    answer = make_function(source=source).invoke()
    assert answer.value > 0
    assert "through the device" in answer.lines

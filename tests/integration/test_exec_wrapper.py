"""As a developer I put a wrapper around the runtime, and set what is read when a program starts.

Such a function's runtime is a program of its own, with AWS_LAMBDA_EXEC_WRAPPER in front; all
else it is like every other.
"""

from __future__ import annotations

import _socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.functions import DeployedFunction
from support.packages import make_zip
from support.sandboxes import ON_BOTH

MakeFunction = Callable[..., DeployedFunction]
pytestmark = [pytest.mark.slow, *ON_BOTH]

# As AWS's documentation has it.
AS_DOCUMENTED = """#!/bin/bash
args=("$@")
export X=1
exec "${args[@]}"
"""
TELL = """
import os, sys
def handler(event, context):
    return {"event": event, "X": os.environ.get("X"), "argv": sys.orig_argv, "pid": os.getpid()}
"""


@pytest.fixture
def make_with(make_function: MakeFunction) -> MakeFunction:
    """Deploy a function with these variables; `wrapper` is the text of /var/task/wrapper."""

    def make(
        source: str, wrapper: str | bytes | None = None, *, can_run: bool = True,
        files: dict[str, Any] | None = None, **variables: str,
    ) -> DeployedFunction:  # fmt: skip
        content: dict[str, str | bytes] = {"app.py": source, **(files or {})}
        if wrapper is not None:
            content["wrapper"] = wrapper
            variables.setdefault("AWS_LAMBDA_EXEC_WRAPPER", "/var/task/wrapper")
        package = make_zip(content, programs=["wrapper"] if can_run else [])
        return make_function(package=package, Environment={"Variables": variables})

    return make


# The wrapper


def test_a_wrapper_as_aws_documents_it(make_with: MakeFunction) -> None:
    # When
    function = make_with(TELL, AS_DOCUMENTED)
    answer = function.invoke({"a": 1})
    # Then it was given the runtime's command line, and what it exports is there
    assert answer.error is None, str(answer)
    assert (answer.value["event"], answer.value["X"]) == ({"a": 1}, "1")
    interpreter, bootstrap = answer.value["argv"]
    assert "/python3" in interpreter
    assert bootstrap.endswith("/bootstrap.py")
    assert function.call()["pid"] == answer.value["pid"]


def test_a_wrapper_may_stay_and_be_the_parent(make_with: MakeFunction) -> None:
    function = make_with(TELL, '#!/bin/sh\nexport X=1\n"$@"\n')
    answers = [function.call(number) for number in range(3)]
    assert [answer["event"] for answer in answers] == [0, 1, 2]
    assert len({answer["pid"] for answer in answers}) == 1


def test_a_wrapper_may_add_options_of_the_interpreter(make_with: MakeFunction) -> None:
    wrapper = '#!/bin/bash\nargs=("$@")\nexec "${args[0]}" -X importtime "${args[@]:1}"\n'
    answer = make_with(TELL, wrapper).invoke()
    assert answer.value["argv"][1:3] == ["-X", "importtime"]
    assert any(line.startswith("import time:") for line in answer.lines)


def test_a_wrapper_that_forgets_its_interpreter_is_read_by_the_shell(
    make_with: MakeFunction,
) -> None:
    assert make_with(TELL, 'export X=1\nexec "$@"\n').call()["X"] == "1"


def test_a_broken_pipe_ends_a_program_of_the_wrapper(make_with: MakeFunction) -> None:
    """An interpreter ignores that signal; what it becomes must not."""
    wrapper = '#!/bin/sh\nexport X="$(yes | head -n 1)"\nexec "$@"\n'
    answer = make_with(TELL, wrapper).invoke()
    assert answer.value["X"] == "y"
    assert not [line for line in answer.lines if "pipe" in line.lower()]


@pytest.mark.parametrize(
    ("wrapper", "variables", "can_run", "status", "sentence"),
    [
        (None, {"AWS_LAMBDA_EXEC_WRAPPER": "/opt/nowhere"}, True, 127,
         "/opt/nowhere: does not exist"),
        (None, {"AWS_LAMBDA_EXEC_WRAPPER": "/opt"}, True, 127, "/opt: does not exist"),
        (AS_DOCUMENTED, {}, False, 126, "/wrapper: is not an executable"),
        ("#!/no/such/shell\n", {}, True, 126, "/wrapper: cannot be run: No such file"),
        (b"\x7fELF\0\0", {}, True, 126, "/wrapper: cannot be run: Exec format error"),
        ("#!/bin/sh\nexit 3\n", {}, True, 3, ""),
    ],
    ids=["missing", "directory", "no program", "no interpreter", "no format", "gives up"],
)  # fmt: skip
def test_a_wrapper_that_cannot_be_run_is_a_function_error(
    make_with: MakeFunction, wrapper: Any, variables: dict[str, str], can_run: bool, status: int,
    sentence: str,
) -> None:  # fmt: skip
    answer = make_with(TELL, wrapper, can_run=can_run, **variables).invoke()
    assert answer.error == "Unhandled", str(answer)
    assert answer.value == {
        "errorType": "Runtime.ExitError",
        "errorMessage": f"RequestId: {answer.request_id} Error: Runtime exited with error: "
        f"exit status {status}",
    }
    assert any(sentence in line for line in answer.lines), str(answer)


# Variables that are read when a program starts


def test_asserts_go_with_pythonoptimize(make_with: MakeFunction) -> None:
    source = "def handler(event, context):\n    assert False\n    return __debug__"
    assert make_with(source, PYTHONOPTIMIZE="1").call() is False


def test_hashes_are_those_of_pythonhashseed(make_with: MakeFunction) -> None:
    command = [sys.executable, "-c", "print(hash('x'))"]
    expected = int(subprocess.check_output(command, env={"PYTHONHASHSEED": "7"}))
    source = "def handler(event, context): return hash('x')"
    assert make_with(source, PYTHONHASHSEED="7").call() == expected


def test_a_library_of_ld_preload_is_loaded(make_with: MakeFunction) -> None:
    library = Path(_socket.__file__).read_bytes()  # any shared object will do
    source = "def handler(e, c): return '/lib/libmine.so' in open('/proc/self/maps').read()"
    files = {"lib/libmine.so": library}
    assert make_with(source, files=files, LD_PRELOAD="/var/task/lib/libmine.so").call() is True


def test_directories_of_ld_library_path_are_searched(make_with: MakeFunction) -> None:
    library = Path(_socket.__file__).read_bytes()
    source = "import ctypes\ndef handler(e, c): return bool(ctypes.CDLL('libmine.so'))"
    files = {"native/libmine.so": library}
    assert make_with(source, files=files, LD_LIBRARY_PATH="/var/task/native").call() is True


def test_lang_is_the_locale_of_the_interpreter(make_with: MakeFunction) -> None:
    source = """
import locale, os
def handler(event, context):
    return os.environ["LANG"], locale.getpreferredencoding(False)
"""
    as_it_is = {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    plain = make_with(source, LANG="C", **as_it_is)
    assert plain.call() == ["C", "ANSI_X3.4-1968"]
    assert make_with(source, LANG="C.UTF-8", **as_it_is).call() == ["C.UTF-8", "UTF-8"]


def test_output_is_utf_8_whatever_lang_is(make_with: MakeFunction) -> None:
    answer = make_with("def handler(e, c): print('grüße 🙂')", LANG="C").invoke()
    assert "grüße 🙂" in answer.lines


def test_a_sitecustomize_of_pythonpath_is_imported(make_with: MakeFunction) -> None:
    source = """
import helper, os, sys
at_import = customized
def handler(event, context):
    return at_import, helper.WHAT, os.environ["PYTHONPATH"] in sys.path
"""
    files = {
        "startup/sitecustomize.py": "import builtins\nbuiltins.customized = True",
        "startup/helper.py": "WHAT = 'mine'",
    }
    function = make_with(source, files=files, PYTHONPATH="/var/task/startup")
    assert function.call() == [True, "mine", True]


# What the machine has installed


LOOK_AROUND = """
import importlib.util, sys
def handler(event, context):
    files = {name: str(getattr(module, "__file__", "")) for name, module in sys.modules.items()}
    names = "pip setuptools _distutils_hack pkg_resources wheel httptools sqlalchemy".split()
    return {
        "path": [entry for entry in sys.path if "-packages" in entry],
        "modules": [name for name, file in files.items() if "-packages" in file],
        "found": [name for name in names if importlib.util.find_spec(name)],
        "sdk": importlib.util.find_spec("boto3").origin.endswith("/runtime/boto3/__init__.py"),
    }
"""


@pytest.mark.parametrize("variables", [{}, {"PYTHONOPTIMIZE": "0"}], ids=["forked", "spawned"])
def test_what_the_machine_has_installed_is_not_at_hand(
    make_with: MakeFunction, variables: dict[str, str]
) -> None:
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    assert make_with(LOOK_AROUND, **variables).call() == {
        "path": [f"/opt/python/lib/{version}/site-packages"],
        "modules": [],
        "found": [],
        "sdk": True,
    }

"""A warm interpreter, and the forks that become environments."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from runtime_under_test import RUNTIME
from scripted_api import event

pytestmark = pytest.mark.slow  # preloading alone takes longer

FORKS = textwrap.dedent(
    """
    import os, sys
    sys.path.append(sys.argv[1])
    sys.path[1:1] = sys.argv[3:]
    import bootstrap
    os.environ["OF_THE_HOST"] = "secret"
    before = set(os.listdir("/proc/self/fd"))
    bootstrap.preload()
    import threading
    assert threading.active_count() == 1
    assert set(os.listdir("/proc/self/fd")) == before
    assert os.environ["OF_THE_HOST"] == "secret"
    import random, uuid
    random.seed(1)
    for _ in range(int(sys.argv[2])):
        pid = os.fork()
        if pid == 0:
            bootstrap.run()
        os.waitpid(pid, 0)
    """
)
RANDOM = """
import random, sys, uuid
LOADED = set(sys.modules)
def handler(event, context):
    import json, decimal, urllib.request, concurrent.futures
    if event == "imports":
        return sorted(set(sys.modules) - LOADED)
    if event == "main":
        return [sys.modules["__main__"].__name__, sys.argv, callable(exit)]
    return random.random()
"""


def _forks(count: int, *search_path: str) -> list[str]:
    return [sys.executable, "-I", "-S", "-B", "-c", FORKS, str(RUNTIME), str(count), *search_path]


def _results(outcome) -> list[object]:
    assert outcome.results(), outcome.text
    return outcome.results()


def test_two_forks_have_different_random_numbers(run):
    closing = b"HTTP/1.1 500 enough\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"

    outcome = run(RANDOM, [event(1), closing, event(1)], command=_forks(2))

    first, second = _results(outcome)
    assert first != second


def test_the_first_invocation_of_a_fork_imports_nothing(run):
    outcome = run(RANDOM, [event("imports"), event("main")], command=_forks(1))

    imports, (main, arguments, has_exit) = _results(outcome)
    assert imports == []
    assert main == "bootstrap"
    assert arguments == [str(RUNTIME / "bootstrap.py")]
    assert has_exit


def test_what_the_function_brings_wins_over_what_is_preloaded(run, tmp_path):
    sdk = tmp_path / "sdk"
    for name in ("boto3/session.py", "botocore/__init__.py", "urllib3/__init__.py"):
        (sdk / name).parent.mkdir(parents=True, exist_ok=True)
        (sdk / name).write_text("of = 'the runtime'\nclass Session:\n    def __init__(s, *a, **k):"
                                " pass\n    def client(s, name): pass\n")  # fmt: skip
    (sdk / "boto3/__init__.py").write_text("of = 'the runtime'\nimport botocore, urllib3\n")
    function = {
        "boto3/__init__.py": "of = 'the function'\n",
        "shlex.py": "of = 'the function'\n",
        "json.py": "of = 'the function'\n",
        "bootstrap.py": "of = 'the function'\n",
        "email/templates.txt": "a directory that is no package",
        "app.py": (
            "import boto3, shlex, json, email, botocore, bootstrap\n"
            "def handler(e, c):\n"
            "    return [boto3.of, shlex.of, hasattr(json, 'of'), botocore.of,\n"
            "            email.__file__.endswith('email/__init__.py'), bootstrap.of]\n"
        ),
    }

    outcome = run(function, [event()], command=_forks(1, str(sdk)))

    # As at AWS, the runtime's own imports cannot be replaced: json is one of them.
    assert _results(outcome) == [
        ["the function", "the function", False, "the runtime", True, "the function"]
    ]


def test_the_search_path_is_that_of_aws(run, tmp_path):
    (tmp_path / "extra").mkdir()
    function = "import sys\ndef handler(e, c):\n    return sys.path\n"
    variables = {"PYTHONPATH": f"{tmp_path}/extra:{RUNTIME}"}

    outcome = run(function, [event()], variables=variables)

    (path,) = _results(outcome)
    version = f"python3.{sys.version_info[1]}"
    assert path[:5] == [
        str(tmp_path / "task"),
        f"/opt/python/lib/{version}/site-packages",
        "/opt/python",
        str(tmp_path / "extra"),
        str(RUNTIME),
    ]
    assert len(path) == len(set(path))


def test_a_fork_serves_on_every_interpreter(interpreter, run):
    command = _forks(1)
    command[0] = interpreter[1]

    outcome = run(RANDOM, [event(1)], command=command)

    assert isinstance(_results(outcome)[0], float)


def test_a_new_session_has_what_the_warm_interpreter_read_unless_it_looks_elsewhere():
    boto3 = pytest.importorskip("boto3")
    program = textwrap.dedent(
        """
        import sys
        sys.path[1:1] = sys.argv[1:]
        import bootstrap
        bootstrap.preload()
        import boto3, botocore.session, os
        def loader():
            return boto3.session.Session()._session.get_component("data_loader")
        assert loader() is loader()
        os.environ["AWS_DATA_PATH"] = "/elsewhere"
        assert loader() is not loader()
        assert "/elsewhere" in loader().search_paths
        """
    )
    packages = str(Path(boto3.__file__).parents[1])
    command = [sys.executable, "-I", "-S", "-B", "-c", program, str(RUNTIME), packages]
    outcome = subprocess.run(command, capture_output=True, text=True, check=False)
    assert outcome.returncode == 0, outcome.stderr

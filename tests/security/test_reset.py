"""After a crash the next run finds what is in /tmp, and nothing else that the last one did."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from lambdad.testing.server import LocalServer
from support.functions import DeployedFunction
from support.processes import environment_of, environments_of
from support.sandboxes import ON_ISOLATED
from support.waiting import wait_until

MakeFunction = Callable[..., DeployedFunction]
pytestmark = [*ON_ISOLATED, pytest.mark.slow]

# {"do": …} does one thing; "crash" ends the process afterwards, in the middle of the invocation.
VANDAL = """
import ctypes, os, resource, signal, socket, sys, time

LIBC = ctypes.CDLL(None, use_errno=True)
KEPT = []

def survive():
    # A daemon: twice forked, in a session of its own, deaf to whatever can be ignored
    middle = os.fork()
    if middle == 0:
        os.setsid()
        if os.fork() == 0:
            signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
            for number in range(1, 32):
                if number not in (signal.SIGKILL, signal.SIGSTOP):
                    signal.signal(number, signal.SIG_IGN)
            while True: time.sleep(60)
        os._exit(0)
    os.waitpid(middle, 0)

def listen():
    tcp, unix = socket.create_server(("127.0.0.1", 12345)), socket.socket(socket.AF_UNIX)
    unix.bind("\\0left")
    unix.listen()
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind(("127.0.0.1", 12345))
    KEPT.extend((tcp, unix, udp))
    for each in KEPT:
        os.set_inheritable(each.fileno(), True)

def knock():
    # Connections that nobody has accepted yet, with requests that come in when we are gone
    for port in (9001, 4566):
        for _ in range(40):
            client = socket.create_connection(("127.0.0.1", port))
            client.sendall(b"GET /2018-06-01/runtime/invocation/next HTTP/1.1\\r\\n\\r\\n")
            KEPT.append(client)

def limit():
    for name in ("NOFILE", "NPROC", "FSIZE", "STACK", "DATA", "CPU"):
        _, hard = resource.getrlimit(getattr(resource, "RLIMIT_" + name))
        value = {"NOFILE": 40, "NPROC": 1, "CPU": 1000}.get(name, 100 << 20)
        resource.setrlimit(getattr(resource, "RLIMIT_" + name), (value, value))
    os.nice(19)
    os.umask(0o777)
    os.chdir("/tmp")
    os.environ["LEFT"] = "yes"

def litter():
    with open("/proc/self/exe", "rb") as source, open("/tmp/program", "wb") as target:
        target.write(source.read())
    os.chmod("/tmp/program", 0o755)
    # Names that an interpreter, the runtime or the SDK could look for
    for name in ("app.py", "bootstrap.py", "boto3.py", "json.py", "sitecustomize.py", "os.py",
                 "usercustomize.py", "lambda_runtime.pth", "python"):
        with open("/tmp/" + name, "w") as file:
            file.write("raise SystemExit('taken over')")
    os.makedirs("/tmp/.aws")
    os.mkfifo("/tmp/.aws/config")
    os.mkfifo("/tmp/pipe")
    for name, target in (("root", "/"), ("task", "/var/task"), ("memory", "/proc/1/mem"),
                         ("endless", "/tmp/endless")):
        os.symlink(target, "/tmp/" + name)
    return sorted(os.listdir("/tmp"))

def share():
    LIBC.shmget.restype = ctypes.c_int
    number = LIBC.shmget(4711, 4096, 0o1666)
    if number == -1: raise OSError(ctypes.get_errno(), "shmget")
    LIBC.semget(4711, 1, 0o1666)
    LIBC.msgget(4711, 0o1666)

def shared():
    return [LIBC.shmget(4711, 4096, 0), LIBC.semget(4711, 1, 0), LIBC.msgget(4711, 0)]

def connect():
    found = {}
    for name, family, address in (("tcp", socket.AF_INET, ("127.0.0.1", 12345)),
                                  ("unix", socket.AF_UNIX, "\\0left")):
        try:
            with socket.socket(family) as client: client.connect(address)
            found[name] = "connected"
        except OSError as error:
            found[name] = type(error).__name__
    with socket.create_server(("127.0.0.1", 12345)): pass
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp: udp.bind(("127.0.0.1", 12345))
    return found

def state():
    mask = os.umask(0o022)
    os.umask(mask)
    names = [name for name in dir(resource) if name.startswith("RLIMIT_")]
    return {
        "limits": {name: resource.getrlimit(getattr(resource, name)) for name in names},
        "nice": os.nice(0), "umask": mask, "cwd": os.getcwd(), "left": os.environ.get("LEFT"),
        "blocked": sorted(signal.pthread_sigmask(signal.SIG_BLOCK, [])),
        "ignored": [n for n in range(1, 32) if signal.getsignal(n) == signal.SIG_IGN],
        "path": sys.path, "descriptors": len(os.listdir("/proc/self/fd")),
    }

def look():
    return {"processes": [name for name in os.listdir("/proc") if name.isdigit()],
            "pid_namespace": os.readlink("/proc/self/ns/pid"), "tmp": sorted(os.listdir("/tmp")),
            "uid": os.getuid()}

def handler(event, context):
    value = globals()[event["do"]]()
    if event.get("crash"): os._exit(1)
    return value
"""


@pytest.fixture
def vandal(make_function: MakeFunction) -> DeployedFunction:
    """Has an environment already."""
    function = make_function(source=VANDAL, MemorySize=1024, Timeout=10)
    function.call({"do": "look"})
    return function


def crash(vandal: DeployedFunction, deed: str) -> None:
    """Have it do something and crash."""
    answer = vandal.invoke({"do": deed, "crash": True})
    assert answer.value["errorType"] == "Runtime.ExitError", str(answer)


def call_again(vandal: DeployedFunction, question: str) -> Any:
    """The answer of the next run, which must be one in the same environment."""
    answer = vandal.invoke({"do": question})
    assert answer.error is None, str(answer)
    assert not answer.is_cold
    return answer.value


def test_a_process_that_hides_and_ignores_signals_ends_with_its_run(
    vandal: DeployedFunction, server: LocalServer
) -> None:
    # Given
    before = vandal.call({"do": "look"})
    process = environment_of(server, before["pid_namespace"])
    vandal.call({"do": "survive"})
    (daemon,) = process.children(recursive=True)
    # When
    crash(vandal, "look")
    # Then
    again = call_again(vandal, "look")
    assert again["processes"] == ["1"]
    assert (again["uid"], again["pid_namespace"] != before["pid_namespace"]) == (
        before["uid"],
        True,
    )
    assert not daemon.is_running()
    assert not process.is_running()


def test_listeners_of_the_last_run_are_closed(vandal: DeployedFunction) -> None:
    crash(vandal, "listen")
    assert call_again(vandal, "connect") == {
        "tcp": "ConnectionRefusedError",
        "unix": "ConnectionRefusedError",
    }


def test_requests_that_the_last_run_left_in_the_line_do_no_harm(vandal: DeployedFunction) -> None:
    crash(vandal, "knock")
    assert call_again(vandal, "look")["processes"] == ["1"]


def test_limits_and_what_else_a_process_changes_of_itself_are_as_before(
    vandal: DeployedFunction,
) -> None:
    before = vandal.call({"do": "state"})
    crash(vandal, "limit")
    assert call_again(vandal, "state") == before


def test_shared_memory_semaphores_and_queues_are_gone(vandal: DeployedFunction) -> None:
    vandal.call({"do": "share"})
    assert min(vandal.call({"do": "shared"})) >= 0
    crash(vandal, "share")
    assert call_again(vandal, "shared") == [-1, -1, -1]


def test_what_lies_in_tmp_stays_and_misleads_nobody(vandal: DeployedFunction) -> None:
    # Given
    before = vandal.call({"do": "state"})
    litter = vandal.call({"do": "litter"})
    # When
    crash(vandal, "look")
    # Then
    assert call_again(vandal, "look")["tmp"] == litter
    assert call_again(vandal, "state") == before


def test_what_lies_in_tmp_ends_with_the_environment(
    vandal: DeployedFunction, server: LocalServer
) -> None:
    # Given
    vandal.call({"do": "litter"})
    process = environment_of(server, vandal.call({"do": "look"})["pid_namespace"])
    # When
    vandal.update_configuration(Description="another environment")
    # Then
    assert vandal.call({"do": "look"})["tmp"] == []
    wait_until(lambda: process not in environments_of(server), "the old environment ends")

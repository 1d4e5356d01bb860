"""Whatever a function says to its Runtime API, only its own environment bears the consequence."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from support.functions import DeployedFunction
from support.probes import Probe
from support.sandboxes import ON_ISOLATED
from support.waiting import wait_until

MakeFunction = Callable[..., DeployedFunction]
pytestmark = [*ON_ISOLATED, pytest.mark.slow]

BASE = "/2018-06-01/runtime"
OTHER_ID = "00000000-0000-0000-0000-000000000000"
MB = 1 << 20


@pytest.fixture
def talker(make_function: MakeFunction) -> Probe:
    """Talks to its Runtime API; two seconds, then its time is over."""
    return Probe(make_function("probe", MemorySize=1769, Timeout=2))


@pytest.fixture(autouse=True)
def _others_are_answered(neighbour: Probe) -> Iterator[None]:
    """Another function has its answer from the same environment as before, whatever happens."""
    before = neighbour.ask("namespaces")["pid"]
    yield
    assert neighbour.ask("namespaces")["pid"] == before


def post(path: str, body: str = "{}", headers: str = "", length: int | None = None) -> str:
    """A request as a runtime sends it."""
    return (
        f"POST {BASE}/{path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{headers}"
        f"Content-Length: {len(body) if length is None else length}\r\n\r\n{body}"
    )


def get(path: str) -> str:
    return f"GET {BASE}/{path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


def assert_is_well(talker: Probe) -> None:
    """The environment answers still, or again."""
    assert talker.ask("identity")["pid"] == 1


# Connections beside the runtime's


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (post(f"invocation/{OTHER_ID}/response", '"stolen"'), 400),
        (post(f"invocation/{OTHER_ID}/error"), 400),
        (post("invocation/../../x/response"), 404),
        (post("invocation//response"), 400),
        (post("init/error"), 403),
        (get("invocation/next"), 403),
        (get("invocation/next") * 2, 403),
        (get("invocation"), 404),
        (get("../../functions"), 404),
        (post("restore/next"), 404),
        ("DELETE / HTTP/1.1\r\nHost: x\r\n\r\n", 404),
    ],
    ids=lambda value: str(value)[:60].split(" HTTP")[0],
)
def test_what_is_out_of_order_or_anothers_is_refused(
    talker: Probe, request_: str, status: int
) -> None:
    found = talker.ask("speak", pieces=[request_], wait=0.2)
    assert found["answer"].startswith(f"HTTP/1.1 {status} "), found
    assert_is_well(talker)


@pytest.mark.parametrize(
    "garbage",
    [
        "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "\x00" * 1000,
        "GET\r\n\r\n",
        "GET / HTTP/9.9\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
        "GET / HTTP/1.1\r\n" + "X: y\r\n" * 500 + "\r\n",
        "GET / HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
    ],
    ids=lambda text: repr(text[:40]),
)
def test_what_is_no_request_ends_its_connection(talker: Probe, garbage: str) -> None:
    found = talker.ask("speak", pieces=[garbage], wait=0.5)
    assert found["is_closed"] or found["answer"].startswith(("HTTP/1.1 404", "HTTP/1.1 400"))
    assert_is_well(talker)


@pytest.mark.parametrize(
    ("start", "piece"),
    [
        ("GET / HTTP/1.1\r\nX: ", "y"),
        ("GET / HTTP/1.1\r\n", "X: y\r\n"),
        ("GET /", "y"),
        ("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", "1\r\nx\r\n0\r\nX: y\r\n"),
    ],
    ids=["header", "headers", "path", "trailers"],
)
def test_a_request_without_an_end_is_cut_off(talker: Probe, start: str, piece: str) -> None:
    found = talker.ask("pour", start=start, piece=piece, mb=64, wait=0.5)
    assert found["sent"] < 16 * MB
    assert_is_well(talker)


def test_requests_in_one_piece_are_answered_in_order_or_cut_off(talker: Probe) -> None:
    refused = post(f"invocation/{OTHER_ID}/response")
    found = talker.ask("speak", pieces=[refused * 500], wait=0.3)
    assert found["answer"].count("HTTP/1.1 400") > 1
    assert "HTTP/1.1 20" not in found["answer"]
    assert_is_well(talker)


def test_half_open_connections_do_no_harm_and_are_limited(talker: Probe) -> None:
    half = f"POST {BASE}/invocation/{OTHER_ID}/response HTTP/1.1\r\nContent-Length: 100\r\n\r\nx"
    talker.ask("hold", text=half, count=200)
    assert_is_well(talker)
    wait_until(lambda: talker.ask("held") <= 64, "the server closes what is too many")
    talker.ask("release")
    assert_is_well(talker)


def test_a_slow_request_takes_nobodys_time(talker: Probe, neighbour: Probe) -> None:
    slow = [*post(f"invocation/{OTHER_ID}/response", "x" * 20)[:-20], *"x" * 20]
    found = talker.ask("speak", pieces=slow, pause=0.002, wait=0.5)
    assert found["answer"].startswith("HTTP/1.1 400 ")
    assert_is_well(talker)


# In place of the runtime


# Answers its event itself, in some way, and then does not return.
IMPOSTOR = """
import os, socket, time
def handler(event, context):
    connection = socket.create_connection(("127.0.0.1", 9001))
    for piece in event["pieces"] * event.get("times", 1):
        connection.sendall(piece.replace("{id}", context.aws_request_id).encode())
    answer = connection.recv(4096)
    if event["then"] == "return": return "returned"
    if event["then"] == "exit": os._exit(0)
    while True: time.sleep(60)
"""


@pytest.fixture
def impostor(make_function: MakeFunction) -> DeployedFunction:
    """Has a second to answer."""
    return make_function(source=IMPOSTOR, MemorySize=1769, Timeout=1)


RESPONSE = "invocation/{id}/response"
LENGTH = "POST " + BASE + "/" + RESPONSE + " HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n"


@pytest.mark.parametrize(
    "pieces",
    [
        [LENGTH, "half"],
        [LENGTH[:-2]],
        [LENGTH[:20]],
        [get("invocation/next")],
        [LENGTH.replace("Content-Length: 100", "Transfer-Encoding: chunked"), "4\r\nhalf\r\n"],
        [LENGTH.replace("Content-Length: 100", "Expect: 100-continue\r\nContent-Length: 100")],
    ],
    ids=["half a body", "half a head", "half a line", "next", "half a chunk", "expectation"],
)
def test_an_answer_that_does_not_end_is_a_timeout(
    impostor: DeployedFunction, pieces: list[str]
) -> None:
    # When
    answer = impostor.invoke({"pieces": pieces, "then": "stall"})
    # Then
    assert answer.error == "Unhandled"
    assert answer.value["errorMessage"].endswith("Task timed out after 1.00 seconds"), str(answer)
    assert impostor.call({"pieces": ["x\r\n\r\n"], "then": "return"}) == "returned"


def test_an_answer_counts_whoever_sent_it_and_a_second_one_does_not(
    impostor: DeployedFunction,
) -> None:
    # When there are two answers in one piece, and the runtime's own behind them
    twice = post(RESPONSE, '"one"') + post(RESPONSE, '"two"')
    answer = impostor.invoke({"pieces": [twice], "then": "return"})
    # Then
    assert (answer.error, answer.value) == (None, "one")
    # And the runtime, whose own answer is refused, may end because of it, as AWS's does
    after = impostor.invoke({"pieces": ["x\r\n\r\n"], "then": "return"})
    assert after.value == "returned" or after.value["errorType"] == "Runtime.ExitError", str(after)
    assert impostor.call({"pieces": ["x\r\n\r\n"], "then": "return"}) == "returned"


def test_an_answer_that_is_too_large_is_the_functions_failure(impostor: DeployedFunction) -> None:
    # When it sends seven requests' worth of a megabyte each, which are the body of the first
    head = post(RESPONSE, "", length=7 * MB)
    answer = impostor.invoke({"pieces": [head + "x" * MB], "times": 7, "then": "stall"})
    # Then
    assert answer.error == "Unhandled"
    assert answer.value["errorType"] == "Function.ResponseSizeTooLarge", str(answer)


def test_the_answer_to_an_event_of_the_past_is_refused(impostor: DeployedFunction) -> None:
    # Given
    first = impostor.invoke({"pieces": ["x\r\n\r\n"], "then": "return"})
    # When
    late = post(f"invocation/{first.request_id}/response", '"late"')
    answer = impostor.invoke({"pieces": [late], "then": "return"})
    # Then
    assert answer.value == "returned"


def test_an_answer_and_an_end_in_one_breath_is_an_answer(impostor: DeployedFunction) -> None:
    answer = impostor.invoke({"pieces": [post(RESPONSE, '"last words"')], "then": "exit"})
    assert (answer.error, answer.value) == (None, "last words")
    assert impostor.call({"pieces": ["x\r\n\r\n"], "then": "return"}) == "returned"


def test_an_init_that_talks_nonsense_ends_with_a_documented_error(
    make_function: MakeFunction,
) -> None:
    source = """
import os, socket
connection = socket.create_connection(("127.0.0.1", 9001))
for words in ("POST %s/init/error HTTP/1.1\\r\\nContent-Length: 5\\r\\n\\r\\n[1,2]",
              "GET %s/invocation/next HTTP/1.1\\r\\n\\r\\n"):
    connection.sendall((words % "/2018-06-01/runtime").encode())
    connection.recv(4096) if "POST" in words else None
def handler(event, context): return "handled"
"""
    answer = make_function(source=source, Timeout=1).invoke()
    assert answer.error == "Unhandled"
    assert answer.value is not None

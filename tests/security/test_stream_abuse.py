"""Functions that abuse the Runtime API with responses that stream: what their clients get is HTTP,
others are served meanwhile, and the next event is answered."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import pytest

from lambdad.testing.server import LocalServer
from support.functions import DeployedFunction
from support.processes import node_of
from support.rough_client import Heard, RoughClient
from support.sandboxes import ON_ISOLATED
from support.waiting import wait_until
from support.web import publish

pytestmark = [*ON_ISOLATED, pytest.mark.slow]

MB = 1 << 20
PATIENCE = 3.0  # seconds for another's answer, on a machine that the attackers keep busy
AT_ONCE = 6
OTHER_ID = "00000000-0000-0000-0000-000000000000"

# Does what the event says on connections of its own; `{id}` is the id of its event.
SOURCE = """
import json, os, socket, struct, time

def handler(event, context):
    wishes = json.loads(event["body"]) if event.get("body") else event
    connections, address = {}, os.environ["AWS_LAMBDA_RUNTIME_API"].split(":")
    for do, number, *rest in wishes.get("steps", ()):
        if number not in connections:
            connections[number] = socket.create_connection((address[0], int(address[1])))
        connection = connections[number]
        try:
            if do == "send":
                text, times = rest
                connection.sendall(text.replace("{id}", context.aws_request_id).encode() * times)
            elif do == "drip":
                for byte in rest[0].replace("{id}", context.aws_request_id).encode():
                    connection.sendall(bytes([byte]))
            elif do == "hear":
                connection.settimeout(0.3)
                print("heard", connection.recv(65536)[:60])
            elif do == "reset":
                at_once = struct.pack("ii", 1, 0)
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
                connection.close()
            elif do == "close":
                connection.close()
        except OSError as error:
            print("failed", error)
    if wishes.get("then") == "exit":
        os._exit(0)
    if wishes.get("then") == "stall":
        time.sleep(60)
    return "well"
"""


def head(path: str = "invocation/{id}/response", headers: str = "", mode: str = "streaming") -> str:
    """The beginning of a response that streams in chunks."""
    return (
        f"POST /2018-06-01/runtime/{path} HTTP/1.1\r\nHost: x\r\n"
        f"Lambda-Runtime-Function-Response-Mode: {mode}\r\n"
        "Content-Type: application/vnd.awslambda.http-integration-response\r\n"
        f"{headers}Transfer-Encoding: chunked\r\n\r\n"
    )


def chunk(text: str) -> str:
    return f"{len(text.encode()):x}\r\n{text}\r\n"


def prelude(**members: Any) -> str:
    return chunk(json.dumps({"statusCode": 200, **members}) + "\0" * 8)


def send(text: str, *, on: int = 0, times: int = 1) -> list[Any]:
    return ["send", on, text, times]


def hear(on: int = 0) -> list[Any]:
    return ["hear", on]


END = "0\r\n\r\n"
BEGUN = head() + prelude() + chunk("begun")
BODY = prelude() + chunk("begun") + END
NEXT = "GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: x\r\n\r\n"


def whole(path: str) -> str:
    return f"POST /2018-06-01/runtime/{path} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{{}}"


@dataclass(frozen=True)
class Attack:
    """What a function does, and what its client gets."""

    steps: list[list[Any]]
    status: int = 200
    body: str | None = "begun"  # None when it breaks off
    then: str = "exit"
    absent: list[str] = field(default_factory=list)  # headers


def breaks(*steps: list[Any], **more: Any) -> Attack:
    """A response that begins, and of which no end is told. What an end overtakes was never said, so
    it waits a little before what follows."""
    return Attack([send(BEGUN), hear(), *steps], body=None, **more)


def goes_on(*steps: list[Any]) -> Attack:
    """What happens beside a response does not hurt it."""
    finish = send(chunk(" and done") + END)
    return Attack([send(BEGUN), *steps, finish, hear()], body="begun and done")


def is_no_http(*text: str, then: str = "exit") -> Attack:
    """What comes before the body is nothing that a client could be sent."""
    return Attack(
        [send(each) for each in text], status=502, body="Internal Server Error", then=then
    )


def trailed_by(trailers: str, *, times: int = 1) -> list[list[Any]]:
    return [send("0\r\n"), send(trailers, times=times), send("\r\n"), hear()]


def says(**members: Any) -> Attack:
    """A prelude that is refused."""
    return is_no_http(head() + prelude(**members) + chunk("begun") + END)


ERROR_BODY = "Lambda-Runtime-Function-Error-Body"
ATTACKS = {
    # Ends that do not come
    "a stream without end": breaks(then="stall"),
    "a stream that is never begun": is_no_http(head(), then="stall"),
    "a prelude without end": is_no_http(head() + chunk('{"statusCode":200}\0\0\0'), then="stall"),
    "a stream that ends with its function": breaks(),
    "a stream that is closed, and a function that hangs": breaks(["close", 0], then="stall"),
    "a stream that is reset": breaks(["reset", 0]),
    "a stream that is closed and begun again": breaks(
        ["close", 0], send(head() + prelude() + END, on=1), hear(1)
    ),
    "a stream that is closed, and an answer": breaks(
        ["close", 0], send(whole("invocation/{id}/response"), on=1), hear(1)
    ),
    "a stream that is closed, and an error": breaks(
        ["close", 0], send(whole("invocation/{id}/error"), on=1), hear(1)
    ),
    # Pieces
    "single bytes": Attack([["drip", 0, BEGUN + END], hear()]),
    "many tiny chunks": Attack(
        [send(head() + prelude()), send("1\r\nx\r\n", times=30_000), send(END), hear()],
        body="x" * 30_000,
    ),
    "a size that is too small": breaks(send("3\r\nhello\r\n"), hear()),
    "a size that is too large": breaks(send("ffff\r\nhello\r\n0\r\n\r\n")),
    "a gigantic size": breaks(send("fffffffffffffff0\r\n"), send("x" * 1000, times=100)),
    "a size that overflows": breaks(send("10000000000000005\r\nhello\r\n"), hear()),
    "a negative size": breaks(send("-5\r\nhello\r\n"), hear()),
    "an extension without end": breaks(send("5;"), send("x" * MB, times=3), hear()),
    "garbage behind the end": Attack([send(BEGUN + END + "garbage\r\n\r\n"), hear()]),
    "a second answer behind it": Attack([send(BEGUN + END + BEGUN + END), hear()]),
    "length and chunks": is_no_http(head(headers="Content-Length: 5\r\n") + prelude() + END),
    # Trailers
    "thousands of trailers": breaks(*trailed_by("x: y\r\n", times=5_000)),
    "a huge trailer": breaks(*trailed_by(f"{ERROR_BODY}: {'x' * 2 * MB}\r\n")),
    "a trailer that is no Base64": breaks(*trailed_by(f"{ERROR_BODY}: {'!' * 500_000}\r\n")),
    "a trailer with a line feed": breaks(*trailed_by(f"{ERROR_BODY}: a\nb\r\n")),
    "a trailer with a return": breaks(*trailed_by(f"{ERROR_BODY}: a\rb\r\n")),
    "a trailer with a NUL": breaks(*trailed_by(f"{ERROR_BODY}: a\0b\r\n")),
    "a trailer of 8 bits": breaks(*trailed_by(f"{ERROR_BODY}: \xe9\r\n")),
    "trailers that are heads": breaks(*trailed_by("Content-Length: 9\r\n")),
    # Beside it
    "an answer beside it": goes_on(send(whole("invocation/{id}/response"), on=1), hear(1)),
    "a stream beside it": goes_on(send(BEGUN + END, on=1), hear(1)),
    "an error beside it": goes_on(send(whole("invocation/{id}/error"), on=1), hear(1)),
    "an error of init beside it": goes_on(send(whole("init/error"), on=1), hear(1)),
    "next beside it": goes_on(send(NEXT, on=1), hear(1), ["close", 1]),
    "many next beside it": goes_on(send(NEXT, on=1, times=50), hear(1), ["close", 1]),
    "a stream of another event": goes_on(
        send(head(f"invocation/{OTHER_ID}/response") + prelude() + chunk("stolen") + END, on=1),
        hear(1),
    ),
    # The mode
    "the mode twice": Attack(
        [send(head(headers="Lambda-Runtime-Function-Response-Mode: x\r\n")), send(BODY), hear()]
    ),
    "no such mode": is_no_http(head(mode="nonsense") + prelude() + END),
    "the mode of nobody": is_no_http(head(mode="streaming, streaming") + prelude() + END),
    # The prelude
    "a prelude of 10 MB": Attack(
        [send(head()), send(chunk("x" * MB), times=10), send(END)], 502, "Internal Server Error"
    ),
    "a prelude in the middle of which it ends": is_no_http(head() + chunk('{"statusCode"') + END),
    "an empty stream": is_no_http(head() + END),
    "a prelude that is no JSON": is_no_http(head() + chunk("{]" + "\0" * 8) + END),
    "a prelude that is a number": is_no_http(head() + chunk("1" * 5_000 + "\0" * 8) + END),
    "a deep prelude": is_no_http(head() + chunk("[" * 60_000 + "\0" * 8) + END),
    "status 100": says(statusCode=100),
    "status 101": says(statusCode=101),
    "status 999": says(statusCode=999),
    "a status with a header": says(statusCode="200\r\nx: y"),
    "an enormous status": says(statusCode=10**400),
    "a header with a line break": says(headers={"x": "y\r\nset-cookie: a=b"}),
    "a header with a line feed": says(headers={"x": "y\nset-cookie: a=b"}),
    "a name with a line break": says(headers={"x\r\nset-cookie": "a=b"}),
    "a name with a colon": says(headers={"x: y": "z"}),
    "a cookie with a line break": says(cookies=["a=b\r\nx: y"]),
    "headers that are none": says(headers=["x: y"]),
    "a header that is an object": says(headers={"x": {}}),
    "headers of the connection": Attack(
        [
            send(
                head()
                + prelude(
                    headers={
                        "Content-Length": "3",
                        "Transfer-Encoding": "identity",
                        "Connection": "upgrade",
                        "Upgrade": "x",
                        "Trailer": "x",
                        "Keep-Alive": "x",
                    }
                )
                + chunk("begun")
                + END
            ),
            hear(),
        ],
        absent=["content-length", "upgrade", "trailer", "keep-alive", "identity"],
    ),
    "thousands of cookies": Attack(
        [send(head() + prelude(cookies=["a=b"] * 8_000) + chunk("begun") + END), hear()]
    ),
    "a surrogate in a header": Attack(
        [send(head() + prelude(headers={"x": "\ud800\u2028é"}) + chunk("begun") + END), hear()]
    ),
    "a body of a status without one": Attack(
        [send(head() + prelude(statusCode=204) + chunk("begun") + END), hear()],
        status=204,
        body="",
        absent=["transfer-encoding", "content-length"],
    ),
}


@dataclass(frozen=True)
class Ground:
    """A server with a function that attacks, and one that must not suffer."""

    server: LocalServer
    hostile: DeployedFunction
    host: bytes
    neighbour: DeployedFunction

    def ask(self, wishes: dict[str, Any]) -> Heard:
        """What a client of the function's URL gets."""
        body = json.dumps(wishes).encode()
        headers = f"content-type: application/json\r\ncontent-length: {len(body)}\r\n".encode()
        request = b"POST / HTTP/1.1\r\nhost: " + self.host + b"\r\nconnection: close\r\n" + headers
        with RoughClient(urlsplit(self.server.url).port or 0, timeout=30) as client:
            return client.send(request + b"\r\n" + body).hear()

    def attack(self, attack: Attack) -> Heard:
        return self.ask({"steps": attack.steps, "then": attack.then})


@dataclass(frozen=True)
class Battle:
    """What the clients of all attacks got, and how it was for others."""

    heard: dict[str, Heard]
    slowest: float  # seconds
    memory: int  # bytes that the node took
    log: str


_fought: dict[str, Battle] = {}


@pytest.fixture
def ground(server: LocalServer, make_ground: Callable[[LocalServer], Ground]) -> Ground:
    return make_ground(server)


@pytest.fixture(scope="module")
def make_ground(deploy: Callable[..., DeployedFunction]) -> Callable[[LocalServer], Ground]:
    """The ground on a server, made once."""
    made: dict[str, Ground] = {}

    def make(server: LocalServer) -> Ground:
        if server.url not in made:
            hostile = deploy(server, source=SOURCE, Timeout=2, MemorySize=1769)
            host = urlsplit(publish(hostile, stream=True).url).netloc.encode()
            made[server.url] = Ground(server, hostile, host, deploy(server, "echo"))
        return made[server.url]

    return make


@pytest.fixture
def battle(ground: Ground) -> Battle:
    """All attacks, some at once; it is fought once on each server."""
    return _fought.get(ground.server.url) or _fought.setdefault(ground.server.url, fight(ground))


def fight(ground: Ground) -> Battle:
    node, logged = node_of(ground.server), len(ground.server.log)
    ground.neighbour.call({})
    before = most = node.memory_info().rss
    slowest = 0.0
    with ThreadPoolExecutor(AT_ONCE) as threads:
        attacks = {name: threads.submit(ground.attack, each) for name, each in ATTACKS.items()}
        while not all(each.done() for each in attacks.values()):
            began = time.monotonic()
            assert ground.neighbour.call({"a": 1}) == {"a": 1}
            slowest = max(slowest, time.monotonic() - began)
            most = max(most, node.memory_info().rss)
    heard = {name: each.result() for name, each in attacks.items()}
    return Battle(heard, slowest, most - before, ground.server.log[logged:])


@pytest.mark.parametrize("name", ATTACKS)
def test_a_client_gets_http_whatever_its_function_does(battle: Battle, name: str) -> None:
    attack, heard = ATTACKS[name], battle.heard[name]
    top, _, rest = heard.said.partition(b"\r\n\r\n")
    assert heard.statuses == [attack.status], heard
    assert heard.is_closed
    names = {line.partition(b":")[0].decode("latin-1").lower() for line in top.split(b"\r\n")}
    assert names.isdisjoint(attack.absent), top
    assert (body_of(top, rest)) == (None if attack.body is None else attack.body.encode())


def body_of(top: bytes, rest: bytes) -> bytes | None:
    """None when the end is missing."""
    if b"transfer-encoding: chunked" not in top:
        return rest
    body = b""
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        if size == b"0":
            assert rest == b"\r\n"
            return body
        body, rest = body + rest[: int(size, 16)], rest[int(size, 16) + 2 :]
    return None


def test_others_are_answered_meanwhile(battle: Battle) -> None:
    assert battle.slowest < PATIENCE


def test_it_costs_the_node_little(battle: Battle) -> None:
    assert battle.memory < 80 * MB
    assert not re.search("Traceback|ERROR|CRITICAL|exception", battle.log), battle.log


def test_every_place_is_free_afterwards(ground: Ground, battle: Battle) -> None:
    one = {"FunctionName": ground.hostile.name, "ReservedConcurrentExecutions": 1}
    ground.hostile.client.put_function_concurrency(**one)
    wait_until(lambda: ground.ask({}).statuses == [200], "its only place is free")
    ground.hostile.client.delete_function_concurrency(FunctionName=ground.hostile.name)


@pytest.mark.parametrize("then", ["return", "exit", "stall"])
@pytest.mark.parametrize("more", [[], [["close", 0], send(NEXT, on=1)]], ids=["ended", "next"])
def test_a_function_that_has_harmed_itself_works_again(
    ground: Ground, more: list[list[Any]], then: str
) -> None:
    # Given a function that is not done when its response is, or takes events for itself
    ended = send(BEGUN + ("" if more else END))
    heard = ground.ask({"steps": [ended, hear(), *more], "then": then})
    assert heard.statuses == [200]
    # When there is another event, which may suffer from that
    ground.ask({})
    # Then it was the last one to do so
    assert b'"well"' in ground.ask({}).said


@pytest.fixture(autouse=True)
def _server_is_well(server: LocalServer) -> Iterator[None]:
    yield
    assert server.is_running

"""Clients that abuse the front door and function URLs, by http and https: they are refused or left,
others are served meanwhile, and nothing of them stays."""

from __future__ import annotations

import os
import re
import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest

from lambdad.testing.server import LocalServer
from support.certificates import client_context, local_certificate
from support.functions import DeployedFunction
from support.processes import node_of
from support.rough_client import RoughClient
from support.waiting import wait_until
from support.web import publish

pytestmark = [pytest.mark.slow, pytest.mark.root]

MB = 1 << 20
CROWD = 30
SECONDS = 6  # that a function may take
API = b"127.0.0.1"
LIST = b"/2015-03-31/functions"  # an operation that anybody may ask for
SOURCE = """
def handler(event, context):
    query = event.get("queryStringParameters") or {}
    if "stream" in query:
        return stream(int(query["stream"]))
    if "large" in query:
        return {"body": "x" * int(query["large"]), "statusCode": 200}
    body = event.get("body") or ""
    return {"statusCode": 200, "body": f"<{event['rawPath']}:{len(body)}>"}

def stream(megabytes):
    yield {"statusCode": 200}
    for _ in range(megabytes):
        yield bytes(1 << 20)
"""


@dataclass(frozen=True)
class Ground:
    """A server, and the hosts of its functions; nobody attacks `neighbour`."""

    server: LocalServer
    functions: dict[str, DeployedFunction]
    hosts: dict[str, bytes]
    node: psutil.Process
    port: int

    def connections(self) -> int:
        """How many the node has at its front door."""
        found = self.node.net_connections("tcp")
        return sum(
            each.laddr.port == self.port and each.status != psutil.CONN_LISTEN for each in found
        )

    def answers_others(self) -> bool:
        """Whether a client with manners has its answer."""
        request = get(b"/neighbour", self.hosts["neighbour"], b"connection: close\r\n")
        with RoughClient(self.port) as client:
            heard = client.send(request).hear()
        return heard.statuses == [200] and b"</neighbour:0>" in heard.said

    def answers(self, function: str) -> bool:
        """Whether a function that was attacked has a free place."""
        with RoughClient(self.port) as client:
            close = b"connection: close\r\n"
            return client.send(get(b"/", self.hosts[function], close)).hear().statuses == [200]


@pytest.fixture(scope="module")
def ground(
    tmp_path_factory: pytest.TempPathFactory,
    new_server: Callable[..., LocalServer],
    running_servers: list[LocalServer],
    deploy: Callable[..., DeployedFunction],
) -> Iterator[Ground]:
    """The server of this file."""
    server = new_server(**certificate_files(tmp_path_factory.mktemp("tls"))).start()
    functions, hosts = {}, {}
    for name in ("plain", "streaming", "neighbour"):
        function = deploy(server, source=SOURCE, Timeout=SECONDS, MemorySize=256)
        site = publish(function, stream=name == "streaming")
        functions[name], hosts[name] = function, urlsplit(site.url).netloc.encode()
    port = urlsplit(server.url).port or 0
    ground = Ground(server, functions, hosts, node_of(server), port)
    yield ground
    for name in functions:
        assert_has_places(ground, name)
    server.close()
    running_servers.remove(server)


def certificate_files(directory: Path) -> dict[str, Path]:
    """The settings of a server with the certificate that all tests share."""
    made = local_certificate()
    files = {"tls_cert": directory / "cert.pem", "tls_key": directory / "key.pem"}
    for path, content in zip(files.values(), (made.chain, made.key), strict=True):
        path.touch(mode=0o600)
        path.write_bytes(content)
    return files


@pytest.fixture(autouse=True)
def _nothing_is_left(ground: Ground, shown_servers: list[LocalServer]) -> Iterator[None]:
    """Whatever a test does, others are answered, and afterwards nothing is there that was not."""
    shown_servers.append(ground.server)
    logged = len(ground.server.log)
    yield
    assert ground.answers_others()
    wait_until(lambda: ground.connections() <= 1, "no connection is left but boto3's")
    log = ground.server.log[logged:]
    assert not re.search("Traceback|ERROR|CRITICAL|exception", log), log


@pytest.fixture(params=["http", "https"])
def trust(request: pytest.FixtureRequest) -> ssl.SSLContext | None:
    """What a client needs for TLS, and nothing without."""
    return client_context() if request.param == "https" else None


@pytest.fixture
def dial(ground: Ground, trust: ssl.SSLContext | None) -> Iterator[Callable[..., RoughClient]]:
    """Open a connection, which ends with the test."""
    with ExitStack() as stack:
        yield lambda **how: stack.enter_context(RoughClient(ground.port, trust=trust, **how))


Dial = Callable[..., RoughClient]


def get(target: bytes, host: bytes, headers: bytes = b"") -> bytes:
    return b"GET " + target + b" HTTP/1.1\r\nhost: " + host + b"\r\n" + headers + b"\r\n"


def post(host: bytes, headers: bytes, body: bytes) -> bytes:
    return b"POST / HTTP/1.1\r\nhost: " + host + b"\r\n" + headers + b"\r\n" + body


# Smuggling: where does a request end?

CHUNKED = b"transfer-encoding: chunked\r\n"
END = b"0\r\n\r\n"
AMBIGUOUS = {
    "two lengths": (b"content-length: 5\r\ncontent-length: 6\r\n", b"hello"),
    "a length twice": (b"content-length: 5\r\ncontent-length: 5\r\n", b"hello"),
    "a list of lengths": (b"content-length: 5, 5\r\n", b"hello"),
    "two numbers": (b"content-length: 5 5\r\n", b"hello"),
    "a negative length": (b"content-length: -5\r\n", b"hello"),
    "a plus": (b"content-length: +5\r\n", b"hello"),
    "a hexadecimal length": (b"content-length: 0x5\r\n", b"hello"),
    "an empty length": (b"content-length:\r\n", b""),
    "a length that overflows": (b"content-length: 18446744073709551621\r\n", b"hello"),
    "a folded length": (b"content-length: 5\r\n 0\r\n", b"hello"),
    "length and chunks": (b"content-length: 5\r\n" + CHUNKED, END),
    "chunks and length": (CHUNKED + b"content-length: 5\r\n", END),
    "chunks twice": (CHUNKED * 2, END),
    "chunks, then identity": (CHUNKED + b"transfer-encoding: identity\r\n", END),
    "identity and a length": (b"transfer-encoding: identity\r\ncontent-length: 5\r\n", b"hello"),
    "something like chunks": (b"transfer-encoding: xchunked\r\n", END),
    "a space before the colon": (b"transfer-encoding : chunked\r\n", END),
    "a vertical tab": (b"transfer-encoding: \x0bchunked\r\n", END),
    "a folded coding": (b"transfer-encoding:\r\n chunked\r\n", END),
    "a folded header": (b"x: a\r\n b\r\ncontent-length: 0\r\n", b""),
    "a bare line feed": (b"x: a\ncontent-length: 0\r\n", b""),
    "a bare return": (b"x: a\rcontent-length: 5\r\n", b""),
    "a NUL": (b"x: a\0b\r\n", b""),
    "a size with a sign": (CHUNKED, b"-5\r\nhello\r\n" + END),
    "a size with 0x": (CHUNKED, b"0x5\r\nhello\r\n" + END),
    "a size that overflows": (CHUNKED, b"10000000000000005\r\nhello\r\n" + END),
    "a size that is too small": (CHUNKED, b"3\r\nhello\r\n" + END),
    "a size without return": (CHUNKED, b"5\nhello\n0\n\n"),
    "an extension with a line feed": (CHUNKED, b"5;a\nhello\r\n" + END),
    "no size": (CHUNKED, b"\r\nhello\r\n" + END),
}


@pytest.mark.parametrize(("headers", "body"), AMBIGUOUS.values(), ids=AMBIGUOUS)
@pytest.mark.parametrize("host", ["a function's", "the API's"])
def test_who_does_not_say_where_a_request_ends_is_refused(
    ground: Ground, host: str, headers: bytes, body: bytes
) -> None:
    # When another request is hidden behind one that nobody can find the end of
    name = API if host == "the API's" else ground.hosts["plain"]
    with RoughClient(ground.port) as client:
        heard = client.send(post(name, headers, body) + get(b"/hidden", name)).hear()
    # Then that is the end of the connection; the API has not waited for a body to be refused
    assert heard.statuses == [400] or (name == API and heard.statuses == [404, 400])
    assert heard.is_closed
    assert b"hidden" not in heard.said


@pytest.mark.parametrize(
    ("headers", "body", "length"),
    [
        (b"Transfer-Encoding:\tChunked\r\n", END, 0),
        (CHUNKED, b"5;a=b;c\r\nhello\r\n0;d\r\n\r\n", 8),
        (CHUNKED, b"00000000005\r\nhello\r\n000\r\n\r\n", 8),
        (CHUNKED, b"0\r\nX: y\r\n\r\n", 0),
        (b"content-length: 5 \r\n", b"hello", 8),
        (b"content-length: 0005\r\n", b"hello", 8),
        (b"Upgrade: h2c\r\nexpect: 200-ok\r\ncontent-length: 5\r\n", b"hello", 8),
    ],
)
def test_who_says_it_in_an_unusual_way_is_understood(
    ground: Ground, dial: Dial, headers: bytes, body: bytes, length: int
) -> None:
    host = ground.hosts["plain"]
    second = get(b"/second", host, b"connection: close\r\n")
    heard = dial().send(post(host, headers, body) + second).hear()
    assert heard.statuses == [200, 200]
    assert f"</:{length}>".encode() in heard.said  # of the Base64
    assert b"</second:0>" in heard.said


def test_what_exceeds_a_length_is_the_next_request(ground: Ground, dial: Dial) -> None:
    host = ground.hosts["plain"]
    heard = dial().send(post(host, b"content-length: 3\r\n", b"hello, world\r\n\r\n")).hear()
    assert heard.statuses == [200, 400]
    assert heard.is_closed


@pytest.mark.parametrize(
    "request_",
    [
        (b"content-length: 90\r\n", b"x"),
        (CHUNKED, b"90\r\nx"),
        (CHUNKED, b"ffffffffffffffff\r\nx"),
        (CHUNKED, b"1"),
        (CHUNKED, b"1\r\nx\r\n0\r\n"),
    ],
)
def test_what_falls_short_of_a_length_is_no_request(
    ground: Ground, trust: ssl.SSLContext | None, dial: Dial, request_: tuple[bytes, bytes]
) -> None:
    # Given many that have not sent all
    clients = [dial().send(post(ground.hosts["plain"], *request_)) for _ in range(5)]
    assert ground.answers_others()
    # When they stop there
    for client in clients:
        if trust is None:
            assert client.say_no_more().hear().said == b""
        else:
            client.reset()


# Names: whose is a request?

NAMES = {
    "a port that is none": b"%(url)s:x",
    "a port that is too large": b"%(url)s:99999",
    "two ports": b"%(url)s:80:80",
    "the API behind a user": b"%(url)s@127.0.0.1",
    "a fragment": b"#%(url)s",
    "beneath a path": b"127.0.0.1/%(url)s",
    "a name beneath": b"x.%(url)s",
    "two dots": b"%(url)s..",
    "a short id": b"x.lambda-url.us-east-1.localhost",
    "another domain": b"%(url)s.example",
    "a space": b"%(url)s 127.0.0.1",
    "8 bits": b"\xff%(url)s",
}


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
@pytest.mark.parametrize("target", [LIST, b"/_lambdad/health", b"/_lambdad/metrics"])
def test_nothing_like_a_functions_name_leads_to_the_api(
    ground: Ground, name: bytes, target: bytes
) -> None:
    host = name % {b"url": ground.hosts["plain"].partition(b":")[0]}
    with RoughClient(ground.port) as client:
        heard = client.send(get(target, host, b"connection: close\r\n")).hear()
    assert heard.statuses in ([404], [403])
    assert b"Functions" not in heard.said


@pytest.mark.parametrize("target", [LIST, b"/_lambdad/health", b"/_lambdad/url/" + b"a" * 32])
def test_a_functions_name_leads_to_the_function_alone(
    ground: Ground, dial: Dial, target: bytes
) -> None:
    host = ground.hosts["plain"]
    for each in (host, host.upper(), host.partition(b":")[0] + b"."):
        heard = dial().send(get(target, each, b"connection: close\r\n")).hear()
        assert b"<" + target + b":0>" in heard.said


@pytest.mark.parametrize(
    "head",
    [
        b"GET http://%(url)s" + LIST + b" HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n",
        b"GET http://127.0.0.1" + LIST + b" HTTP/1.1\r\nhost: %(url)s\r\n\r\n",
        b"GET http://%(url)s@127.0.0.1" + LIST + b" HTTP/1.1\r\nhost: %(url)s\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: %(url)s\r\nhost: 127.0.0.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: %(url)s\r\nHOST: %(url)s\r\n\r\n",
        b"CONNECT %(url)s HTTP/1.1\r\nhost: %(url)s\r\n\r\n",
        b"CONNECT 127.0.0.1:22 HTTP/1.1\r\nhost: 127.0.0.1:22\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0",
        b"GET / HTTP/3.0\r\nhost: %(url)s\r\n\r\n",
        b"GET /a\0b HTTP/1.1\r\nhost: %(url)s\r\n\r\n",
        b"GET /\xff\xe9 HTTP/1.1\r\nhost: %(url)s\r\n\r\n",
        b"GET /?\xff\xe9 HTTP/1.1\r\nhost: %(url)s\r\n\r\n",
        b"GET /a b HTTP/1.1\r\nhost: %(url)s\r\n\r\n",
        b"BREW / HTTP/1.1\r\nhost: %(url)s\r\n\r\n",
        b"GET / HTTP/1.1\nhost: %(url)s\n\n",
        b" GET / HTTP/1.1\r\nhost: %(url)s\r\n\r\n",
        b"GET / HTTP/1.1\r\n host: %(url)s\r\n\r\n",
        b"GET / HTTP/1.1\r\n: %(url)s\r\n\r\n",
        b"\0" * 1000,
    ],
    ids=lambda head: repr(head)[2:50],
)
def test_what_is_no_request_is_refused(ground: Ground, dial: Dial, head: bytes) -> None:
    whole = head.replace(b"%(url)s", ground.hosts["plain"])
    heard = dial().send(whole + get(b"/hidden", ground.hosts["plain"])).hear()
    assert heard.statuses == [400]
    assert heard.is_closed


@pytest.mark.parametrize(
    "wish",
    [
        b"connection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABk\r\n",
        b"connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-key: eA==\r\n",
    ],
)
def test_a_wish_for_another_protocol_is_not_granted(
    ground: Ground, dial: Dial, wish: bytes
) -> None:
    host = ground.hosts["plain"]
    heard = dial().send(get(b"/", host, wish) + get(b"/hidden", host)).hear()
    assert heard.statuses == [200]
    assert b"hidden" not in heard.said


def test_http_0_9_gets_an_answer_at_most(ground: Ground, dial: Dial) -> None:
    heard = dial().send(b"GET /\r\n\r\n" + get(b"/hidden", ground.hosts["plain"])).hear()
    assert heard.statuses == [404]
    assert b"hidden" not in heard.said


PAGES = [b"origin: http://evil.example\r\n", b"origin:\r\n", b"origin: null\r\n"]
PAGES += [b"sec-fetch-site: " + site + b"\r\n" for site in (b"cross-site", b"same-origin", b"")]
PAGES += [b"sec-fetch-site: none\r\nsec-fetch-site: same-site\r\n"]


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("host", [API, b"localhost", b"lambda.us-east-1.amazonaws.com"])
def test_a_page_reaches_neither_the_api_nor_a_url_by_its_path(
    ground: Ground, page: bytes, host: bytes
) -> None:
    path = b"/_lambdad/url/" + ground.hosts["plain"].partition(b".")[0] + b"/"
    targets = (LIST, b"/_lambdad/health", b"/_lambdad/metrics", path, path + b".." + LIST)
    with RoughClient(ground.port) as client:
        client.send(b"".join(get(target, host, page) for target in targets)).say_no_more()
        assert client.hear().statuses == [403] * len(targets)


@pytest.mark.parametrize(
    "way", [b"/../.." + LIST, b"/%2e%2e/%2e%2e" + LIST, b"/..%2f..%2f", b"//" + API + LIST, b"/."]
)
def test_no_path_leads_out_of_a_url(ground: Ground, dial: Dial, way: bytes) -> None:
    path = b"/_lambdad/url/" + ground.hosts["plain"].partition(b".")[0]
    heard = dial().send(get(path + way, API, b"connection: close\r\n")).hear()
    assert b"<" + way + b":0>" in heard.said


@pytest.mark.parametrize(
    "path",
    [
        b"/_lambdad/url/../health",
        b"/_lambdad/url",
        b"/_lambdad%2furl/%(id)s/",
        b"//_lambdad/url/%(id)s/",
        b"/_lambdad/url/%(id)s%2f",
        b"/_lambdad/url/%(id)s?",
        b"/./_lambdad/url/%(id)s/",
    ],
)
def test_what_is_nearly_a_urls_path_is_nothing(ground: Ground, path: bytes) -> None:
    whole = path.replace(b"%(id)s", ground.hosts["plain"].partition(b".")[0])
    with RoughClient(ground.port) as client:
        heard = client.send(get(whole, API, b"connection: close\r\n")).hear()
    assert heard.statuses == ([200] if path.endswith(b"?") else [404])
    assert b"Functions" not in heard.said


# Too much

FLOODS = {
    "a long target": (b"/" + b"a" * 100_000, b""),
    "a long query": (b"/?" + b"a&" * 50_000, b""),
    "a long header": (b"/", b"x: " + b"a" * 100_000 + b"\r\n"),
    "a very long header": (b"/", b"x: " + b"a" * 2 * MB + b"\r\n"),
    "many headers": (b"/", b"".join(b"x%d: y\r\n" % n for n in range(12_000))),
    "a header many times": (b"/", b"x:\r\n" * 25_000),
    "many cookies": (b"/", b"cookie: " + b"a=b;" * 25_000 + b"\r\n"),
    "cookies many times": (b"/", b"cookie: a=b\r\n" * 8_000),
}


@pytest.mark.parametrize(("target", "headers"), FLOODS.values(), ids=FLOODS)
@pytest.mark.parametrize("name", ["plain", "api"])
def test_a_flood_of_headers_is_refused(
    ground: Ground, dial: Dial, name: str, target: bytes, headers: bytes
) -> None:
    heard = dial().send(get(target, ground.hosts.get(name, API), headers)).hear()
    assert heard.statuses in ([431], [])  # what is on its way may cost a client the answer
    assert heard.is_closed


@pytest.mark.parametrize(
    ("target", "headers"),
    [
        (b"/?" + b"a&" * 9_000, b""),
        (b"/?" + b"&".join(b"a%d=b" % n for n in range(6_000)), b""),
        (b"/?" + b"a=&" * 9_000, b""),
        (b"/", b"cookie: " + b";".join(b"a%d=b" % n for n in range(6_000)) + b"\r\n"),
        (b"/", b"cookie: a\r\n" * 4_000),
        (b"/", b"x:\r\n" * 13_000),
        (b"/", b"".join(b"x%d:\r\n" % n for n in range(7_000))),
        (b"/", b"x: \xff\xfe\r\nuser-agent: \xe9\r\n"),
    ],
    ids=["names", "fields", "a field", "cookies", "cookie lines", "a header", "headers", "8 bits"],
)
def test_thousands_of_fields_are_an_event_like_any(
    ground: Ground, dial: Dial, target: bytes, headers: bytes
) -> None:
    close = headers + b"connection: close\r\n"
    assert dial().send(get(target, ground.hosts["plain"], close)).hear().statuses == [200]


def test_more_fields_than_anybody_needs_are_refused(ground: Ground, dial: Dial) -> None:
    many = get(b"/?" + b"a&" * 25_000, ground.hosts["plain"], b"connection: close\r\n")
    assert dial().send(many).hear().statuses == [400]


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        (b"content-length: 6291457\r\n", bytes(100_000)),
        (b"content-length: 999999999999999999\r\n", bytes(100_000)),
        (CHUNKED, (b"100000\r\n" + bytes(MB) + b"\r\n") * 7),
        (CHUNKED, b"ffffffffffffffff\r\n" + bytes(7 * MB)),
    ],
    ids=["declared", "declared enormous", "chunks without end", "a chunk without end"],
)
@pytest.mark.parametrize("name", ["plain", "streaming"])
def test_a_body_beyond_six_megabytes_is_refused_though_it_has_no_end(
    ground: Ground, dial: Dial, name: str, headers: bytes, body: bytes
) -> None:
    client = dial().send(post(ground.hosts[name], headers, body))
    heard = client.hear(until=b"Too Long")
    assert heard.statuses == [413]
    assert b'{"Message":"Request Too Long"}' in heard.said


def test_a_body_in_tiny_chunks_takes_no_more_memory_than_another(
    ground: Ground, dial: Dial
) -> None:
    before = ground.node.memory_info().rss
    chunks = b"2\r\nxy\r\n" * 300_000
    clients = [dial().send(post(ground.hosts["plain"], CHUNKED, chunks)) for _ in range(5)]
    assert ground.answers_others()
    assert ground.node.memory_info().rss - before < 40 * MB  # it was 25 for each of them
    for client in clients:
        client.reset()


def test_requests_sent_ahead_are_answered_in_order(ground: Ground, dial: Dial) -> None:
    host = ground.hosts["plain"]
    requests = [get(b"/%d" % n, host) for n in range(200)]
    requests.append(get(b"/last", host, b"connection: close\r\n"))
    heard = dial().send(b"".join(requests)).hear()
    assert heard.statuses == [200] * 201
    assert re.findall(rb"</(\d+):0>", heard.said) == [b"%d" % n for n in range(200)]


# Slow, or not at all


@pytest.mark.parametrize(
    "pieces",
    [
        [b""],
        [b"G"],
        [b"GET / HTTP/1.1\r\n", b"x", b": ", b"y"],
        [b"POST / HTTP/1.1\r\nhost: %s\r\ncontent-length: 90\r\n\r\n", b"x", b"y"],
        [b"POST / HTTP/1.1\r\nhost: %s\r\ntransfer-encoding: chunked\r\n\r\n", b"0", b"0", b"0"],
        [b"POST / HTTP/1.1\r\nhost: %s\r\ntransfer-encoding: chunked\r\n\r\n0\r\n", b"x", b":"],
        [b"POST / HTTP/1.1\r\nhost: %s\r\nexpect: 100-continue\r\ncontent-length: 9\r\n\r\n"],
    ],
    ids=["silence", "line", "header", "body", "size of a chunk", "trailer", "expectation"],
)
def test_slow_writers_keep_nobody_waiting(ground: Ground, dial: Dial, pieces: list[bytes]) -> None:
    clients = [dial() for _ in range(CROWD)]
    for piece in pieces:
        for client in clients:
            client.send(piece.replace(b"%s", ground.hosts["plain"]))
        assert ground.answers_others()
    for client in clients:
        client.reset()
    assert_has_places(ground, "plain")


def test_many_that_keep_their_connection_are_no_burden(ground: Ground, dial: Dial) -> None:
    clients = [dial() for _ in range(CROWD)]
    for client in clients:
        assert client.send(get(LIST, API)).hear(until=b"\r\n\r\n").statuses == [200]
    assert ground.connections() >= CROWD
    assert ground.answers_others()


@pytest.mark.parametrize("way", ["reset", "close"])
@pytest.mark.parametrize("when", ["before the answer", "in the middle", "with data unread"])
def test_whoever_goes_leaves_nothing_behind(
    ground: Ground, dial: Dial, when: str, way: str
) -> None:
    clients = []
    for _ in range(8):
        client = dial(receive_buffer=4096)
        client.send(get(b"/?stream=8", ground.hosts["streaming"]))
        if when != "before the answer":
            client.hear(until=b"\r\n\r\n")
        if when == "in the middle":
            assert client.socket.recv(65_536)
        clients.append(client)
    assert ground.answers_others()
    for client in clients:
        client.reset() if way == "reset" else client.socket.close()
    assert_has_places(ground, "streaming")


def test_whoever_goes_from_a_buffered_answer_leaves_nothing_behind(
    ground: Ground, dial: Dial
) -> None:
    for _ in range(8):
        dial().send(get(b"/?large=5000000", ground.hosts["plain"])).reset()
    client = dial(receive_buffer=4096).send(get(b"/?large=5000000", ground.hosts["plain"]))
    client.reset()
    assert_has_places(ground, "plain")


def test_whoever_says_no_more_still_hears(ground: Ground) -> None:
    for target, name, size in ((b"/?large=5000000", "plain", 5_000_000),
                               (b"/?stream=3", "streaming", 3 * MB)):  # fmt: skip
        with RoughClient(ground.port) as client:
            heard = client.send(get(target, ground.hosts[name])).say_no_more().hear()
        assert heard.statuses == [200]
        assert len(heard.said) > size


@pytest.mark.parametrize(
    ("target", "name", "most"),
    [(b"/?stream=100", "streaming", 60 * MB), (b"/?large=5000000", "neighbour", 200 * MB)],
    ids=["streamed", "buffered"],
)
def test_those_who_do_not_read_take_bounded_memory(
    ground: Ground, dial: Dial, target: bytes, name: str, most: int
) -> None:
    # Given many that ask for much, and read the beginning of it
    before = ground.node.memory_info().rss
    clients = [dial(receive_buffer=4096, timeout=30) for _ in range(CROWD)]
    for client in clients:
        client.send(get(target, ground.hosts[name]))
    heads = [client.hear(until=b"\r\n\r\n") for client in clients]
    # Then
    assert [head.statuses for head in heads] == [[200]] * CROWD
    assert ground.answers_others()
    assert ground.node.memory_info().rss - before < most
    # And when they go, their functions have their places back
    for client in clients:
        client.reset()
    assert_has_places(ground, name)


def assert_has_places(ground: Ground, name: str) -> None:
    """Nothing runs any more: of a single place that it may have, none is taken."""
    function = ground.functions[name]
    one: dict[str, Any] = {"FunctionName": function.name, "ReservedConcurrentExecutions": 1}
    function.client.put_function_concurrency(**one)
    wait_until(lambda: ground.answers(name), "its only place is free")
    function.client.delete_function_concurrency(FunctionName=function.name)


# TLS

HELLO = bytes.fromhex("1603010200010001fc0303") + bytes(100)


@pytest.mark.parametrize(
    "beginning",
    [HELLO[:1], HELLO[:5], HELLO, b"\x16\x03\x01\xff\xff" + b"x" * 70_000, b"\x16GET / HTTP/1.1"],
    ids=["a byte", "a header", "half", "a record that is too large", "nonsense"],
)
def test_hands_that_are_not_shaken_are_let_go(ground: Ground, beginning: bytes) -> None:
    for _ in range(CROWD):
        with RoughClient(ground.port) as client:
            client.send(beginning)
            assert ground.answers_others()


def test_tls_that_breaks_ends_its_connection(ground: Ground) -> None:
    with RoughClient(ground.port, trust=client_context()) as client:
        host = ground.hosts["plain"]
        client.send(get(b"/", host)).hear(until=b"</:0>")
        os.write(client.socket.fileno(), b"GET / HTTP/1.1\r\n\r\n" * 100)
        assert client.hear().is_closed

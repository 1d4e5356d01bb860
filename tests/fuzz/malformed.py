"""Requests that are wrong in every way, made from the service models and a seed.

A request begins as a real client would send it: an operation, members with values that fit or
nearly fit. Then one of the `DAMAGES` is done to it. The same seed makes the same requests.
"""

from __future__ import annotations

import base64
import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any
from urllib.parse import quote, urlencode

from botocore.model import ListShape, MapShape, OperationModel, Shape, StructureShape
from botocore.serialize import create_serializer

from lambdad.gateway.models import load_service_model, supported_protocols

SERVICES = ("lambda", "lambda", "lambda", "lambda", "iam", "sts", "logs", "cloudwatch")
DEEPEST = 4
ENDING = ("DeleteFunction", "DeleteAlias")  # asked for seldom, or there would be nothing to find

# Values with which an operation gets past its first checks, by member; the rest is made up.
KNOWN = {
    "FunctionName": ["fuzz-1", "fuzz-2", "fuzz-1:live", "fuzz-1:1", "fuzz-1:$LATEST"],
    "Role": ["arn:aws:iam::000000000000:role/fuzz"],
    "RoleName": ["fuzz", "fuzz-2"],
    "UserName": ["fuzz", "fuzz-2"],
    "Runtime": ["python3.11", "python3.12", "nodejs22.x"],
    "Handler": ["app.handler"],
    "Qualifier": ["live", "1", "$LATEST", "2"],
    "Name": ["live", "fuzz"],
    "FunctionVersion": ["1", "$LATEST", "ALL"],
    "LayerName": ["fuzz"],
    "VersionNumber": [1, 2],
    "UUID": ["00000000-0000-4000-8000-000000000000"],
    "EventSourceArn": ["arn:aws:sqs:us-east-1:000000000000:fuzz"],
    "StatementId": ["fuzz"],
    "Principal": ["s3.amazonaws.com", "*", "111111111111"],
    "Action": ["lambda:InvokeFunction", "lambda:GetLayerVersion"],
    "Resource": ["arn:aws:lambda:us-east-1:000000000000:function:fuzz-1"],
    "ResourceArn": ["arn:aws:lambda:us-east-1:000000000000:function:fuzz-1"],
    "logGroupName": ["/fuzz"],
    "logStreamName": ["fuzz"],
    "PolicyArn": ["arn:aws:iam::aws:policy/AdministratorAccess"],
    "PolicyDocument": ['{"Version":"2012-10-17","Statement":[]}', "{", "[]", "null", '{"a":{}}'],
    "AssumeRolePolicyDocument": ['{"Version":"2012-10-17","Statement":[]}'],
    "Policy": ['{"Version":"2012-10-17","Statement":[]}', "1", '{"Statement":[1]}'],
    "Marker": ["fuzz", "1", "\0"],
}
TEXTS = [
    *("", " ", "\0", "a" * 300, "a" * 70_000, "../../etc/passwd", "%2e%2e%2f", "日本語", "\ud800"),
    *(
        "$LATEST",
        "arn:aws:lambda",
        "arn:aws:lambda:us-east-1:1:function:",
        "'\"<>&;{}[]",
        "\r\nA: b",
    ),
    *("null", "-1", "1e999", "NaN", "🙂" * 40, "a:b:c:d:e:f:g:h", "*", "?", "\x7f\x80"),
]
NUMBERS = [0, 1, -1, 2, 3, 128, 900, 2**31, -(2**31), 2**63, 2**64, 10**40, 0.5, 1e308]
METHODS = ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE", "get", "BREW"]
HEADERS = [
    ("content-type", "application/x-www-form-urlencoded"),
    ("content-type", "application/x-amz-json-1.1"),
    ("content-type", "text/xml"),
    ("content-encoding", "gzip"),
    ("expect", "200-ok"),
    ("x-amz-target", "Logs_20140328.Nothing"),
    ("x-amz-target", "AWSIE.ListEvents"),
    ("smithy-protocol", "rpc-v2-cbor"),
    ("x-amz-invocation-type", "Sometimes"),
    ("x-amz-client-context", "!!!"),
    ("x-amz-log-type", "Head"),
    ("authorization", "Basic YTpi"),
    ("authorization", "AWS4-HMAC-SHA256 Credential=a/b/c"),
    ("authorization", "AWS4-HMAC-SHA256 Credential=" + "a" * 4_000),
    ("host", "[::1"),
    ("x-a", "b" * 5_000),
    ("accept-encoding", "br;q=nan"),
    ("range", "bytes=9-1"),
]


@dataclass(frozen=True)
class Message:
    """An HTTP request on its way; `is_http` is false once it is not even that."""

    operation: str
    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes
    length: int | None = None  # what Content-Length says, when it lies
    raw: bytes | None = field(default=None, repr=False)

    @property
    def is_http(self) -> bool:
        """Whether a server must answer it, rather than hang up."""
        return self.raw is None and self.length is None

    def to_bytes(self) -> bytes:
        """As it goes over the wire."""
        if self.raw is not None:
            return self.raw
        length = len(self.body) if self.length is None else self.length
        lines = [f"{self.method} {self.target} HTTP/1.1", "host: 127.0.0.1"]
        lines += [f"{name}: {value}" for name, value in self.headers]
        head = "\r\n".join([*lines, f"content-length: {length}", "", ""])
        return head.encode("latin-1", "replace") + self.body


Damage = Callable[[Random, Message], Message]


class Malformed:
    """An endless supply of requests over all operations of the services."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)
        models = [load_service_model(name) for name in sorted(set(SERVICES))]
        self._operations = {
            model.service_name: [
                (model, model.operation_model(name)) for name in model.operation_names
            ]
            for model in models
        }
        self._carelessness = 0.0
        self._serializers = {
            model.service_name: [
                create_serializer(protocol, False) for protocol in supported_protocols(model)
            ]
            for model in models
        }

    def request(self) -> Message:
        """The next one."""
        random = self._random
        while True:
            model, operation = random.choice(self._operations[random.choice(SERVICES)])
            if operation.name in ENDING and random.random() >= 0.02:
                continue
            self._carelessness = random.choice((0.0, 0.05, 0.5))
            try:
                message = self._message(model.service_name, model.signing_name, operation)
            except (
                UnicodeError,
                TypeError,
                ValueError,
                OverflowError,
                LookupError,
                AttributeError,
            ):
                continue  # the client's own serializer cannot write this one
            return random.choice(DAMAGES)(random, message)

    def _message(self, service: str, signing_name: str, operation: OperationModel) -> Message:
        parameters = self._value(operation.input_shape, 0) if operation.input_shape else {}
        serializer = self._random.choice(self._serializers[service])
        request = serializer.serialize_to_request(parameters, operation)
        query = request["query_string"]
        text = query if isinstance(query, str) else urlencode(query, doseq=True)
        scope = f"test/20260101/us-east-1/{signing_name}/aws4_request"
        signature = f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"
        headers = [(str(name).lower(), str(value)) for name, value in request["headers"].items()]
        headers.append(("authorization", signature))
        body = request["body"]
        if isinstance(body, dict):  # a form
            body = urlencode(body)
        return Message(
            operation=operation.name,
            method=request["method"],
            target=quote(request["url_path"], safe="/%?&=:$") + (f"?{text}" if text else ""),
            headers=[(name, value) for name, value in headers if "\n" not in value],
            body=body if isinstance(body, bytes) else str(body or "").encode("utf-8", "replace"),
        )

    def _value(self, shape: Shape, depth: int, name: str = "") -> Any:
        random = self._random
        known = KNOWN.get(name)
        if known is not None and random.random() >= self._carelessness:
            return random.choice(known)
        match shape:
            case StructureShape():
                return self._structure(shape, depth)
            case ListShape():
                return [
                    self._value(shape.member, depth + 1) for _ in range(random.choice((0, 1, 2)))
                ]
            case MapShape():
                size = random.choice((0, 1, 2))
                return {
                    str(self._value(shape.key, depth + 1)): self._value(shape.value, depth + 1)
                    for _ in range(size)
                }
        return self._scalar(shape)

    def _structure(self, shape: StructureShape, depth: int) -> dict[str, Any]:
        chance, missing = self._random.choice((0.05, 0.3)), self._carelessness / 5
        return {
            member: self._value(inner, depth + 1, member)
            for member, inner in shape.members.items()
            if (member in shape.required_members and self._random.random() >= missing)
            or (depth < DEEPEST and self._random.random() < chance)
        }

    def _scalar(self, shape: Shape) -> Any:
        random, is_careless = self._random, self._random.random() < self._carelessness
        match shape.type_name:
            case "integer" | "long" | "float" | "double":
                return random.choice(NUMBERS) if is_careless else shape.metadata.get("min", 1)
            case "boolean":
                return random.choice([True, False])
            case "blob":
                return random.choice([b"", b"{}", b"\xff\xfe", b"PK\x05\x06" + bytes(18), _ZIP])
            case "timestamp":
                return random.choice([0, 1_700_000_000])
        if is_careless:
            return random.choice(TEXTS)
        return random.choice(shape.metadata.get("enum") or ["fuzz"])


def _make_zip() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("app.py", "def handler(event, context): return event")
    return buffer.getvalue()


_ZIP = _make_zip()


# What is done to a request


def _nothing(random: Random, message: Message) -> Message:
    return message


def _flip_bytes(random: Random, message: Message) -> Message:
    body = bytearray(message.body or b"{}")
    for _ in range(random.randint(1, 4)):
        body[random.randrange(len(body))] = random.randrange(256)
    return replace(message, body=bytes(body))


def _truncate(random: Random, message: Message) -> Message:
    return replace(message, body=message.body[: random.randrange(len(message.body) + 1)])


def _other_types(random: Random, message: Message) -> Message:
    """Members of the body get values of another type."""
    try:
        body = json.loads(message.body)
    except ValueError:
        return replace(message, body=random.choice([b"[]", b"null", b"1", b'"a"', b"{}{}"]))
    if isinstance(body, dict) and body:
        strange = [None, [], {}, [[]], {"a": None}, True, "a", -1, 1.5, [None], 10**30]
        for name in random.sample(sorted(body), k=random.randint(1, len(body))):
            body[name] = random.choice(strange)
    return replace(message, body=json.dumps(body).encode())


def _nest(random: Random, message: Message) -> Message:
    depth = random.choice([10, 1_000, 60_000])
    opening, closing = random.choice([(b"[", b"]"), (b'{"a":', b"}")])
    body = opening * depth + b"1" + closing * depth
    return replace(message, body=random.choice([body, b'{"FunctionName":' + body + b"}"]))


def _numbers(random: Random, message: Message) -> Message:
    number = random.choice(
        [b"1" * 5_000, b"1e400", b"-0", b"NaN", b"Infinity", b"0x1", b"1.", b"01"]
    )
    return replace(message, body=b'{"Timeout":' + number + b',"MaxItems":' + number + b"}")


def _encodings(random: Random, message: Message) -> Message:
    return replace(
        message,
        body=random.choice(
            [
                b"\xef\xbb\xbf" + message.body,
                message.body.decode("utf-8", "replace").encode("utf-16"),
                b'{"FunctionName":"\xff\xfe"}',
                b'{"FunctionName":"\\ud800","Description":"\\u0000"}',
                b'{"a":1,"a":2}',
                base64.b64encode(message.body),
            ]
        ),
    )


def _cbor(random: Random, message: Message) -> Message:
    """Tags, lengths and depths that a careless reader believes."""
    value = random.choice(
        [
            b"\x81" * 60_000 + b"\x01",
            b"\x9f" * 60_000,
            b"\x9b\x7f" + b"\xff" * 7,
            b"\x5b\x00\x00\x00\x10" + b"\xff" * 4,
            b"\x7f\x7f\x7f\x61a\xff\xff\xff",
            b"\xc1" * 1_000 + b"\x01",
            b"\xc2\x59\xff\xff" + b"\xff" * 65_535,
            b"\xd8\x1c\x81\xd8\x1d\x00",
            b"\xd8\x23\x68(a+)+$\x00",
            b"\xc1\xfb\x7f\xf0" + bytes(6),
            b"\xa1\x81\xa0\x01",
            b"\xf7",
        ]
    )
    return replace(message, body=random.choice([value, b"\xa1\x69Namespace" + value]))


def _headers(random: Random, message: Message) -> Message:
    added = random.sample(HEADERS, k=random.randint(1, 3))
    return replace(message, headers=[*message.headers, *added])


def _no_signature(random: Random, message: Message) -> Message:
    kept = [(name, value) for name, value in message.headers if name != "authorization"]
    return replace(message, headers=kept)


def _method(random: Random, message: Message) -> Message:
    return replace(message, method=random.choice(METHODS))


def _target(random: Random, message: Message) -> Message:
    ends = ["/", "?", "%", "%zz", "%00", "%ff", ";a=b", "#a", "/.."]
    target = random.choice(
        [
            message.target.replace("/", "//"),
            message.target + random.choice(ends),
            message.target + "?" + "&".join(["MaxItems=1"] * 50),
            message.target + "?Marker=%ff%fe&MaxItems=-1&Qualifier=%00",
            "/" + "a" * random.choice([100, 4_000, 30_000]),
            "*",
            "/2015-03-31/functions/" + quote(random.choice(TEXTS).encode("utf-8", "replace")),
        ]
    )
    return replace(message, target=target.replace(" ", "%20"))


def _length(random: Random, message: Message) -> Message:
    """Content-Length lies; the connection is of no more use."""
    lie = random.choice([len(message.body) + 5, max(0, len(message.body) - 1), 10**12, -1])
    return replace(message, length=lie)


_CHUNKED = b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n"


def _no_http(random: Random, message: Message) -> Message:
    whole = message.to_bytes()
    raw = random.choice(
        [
            whole[: random.randrange(len(whole))],
            b"\x16\x03\x01\x02\x00\x01\x00" + bytes(100),
            b"GET / HTTP/9.9\r\n\r\n",
            _CHUNKED + b"\r\nzz\r\n",
            _CHUNKED + b"content-length: 3\r\n\r\n0\r\n\r\n",
            b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 5_000 + b"\r\n",
            b"\r\n" * 50,
            bytes(random.randrange(256) for _ in range(200)),
        ]
    )
    return replace(message, raw=raw)


DAMAGES: tuple[Damage, ...] = (
    *(_nothing,) * 6,
    *(_flip_bytes, _truncate, _other_types, _nest, _numbers, _encodings, _cbor),
    *(_headers, _no_signature, _method, _target, _length, _no_http),
)

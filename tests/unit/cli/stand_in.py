"""A small server that speaks as much of the Lambda and Logs APIs as the command line uses.

It is real HTTP on a real port, and it runs no functions: tests say what an invocation answers.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import socket
import threading
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

import uvicorn

REPORT = (
    "START RequestId: r-1 Version: $LATEST\nhello from the function\nEND RequestId: r-1\n"
    "REPORT RequestId: r-1\tDuration: 1.50 ms\tBilled Duration: 8 ms\tMemory Size: 128 MB\t"
    "Max Memory Used: 12 MB\tInit Duration: 6.25 ms\t\n"
)
HANDLER = "def handler(event, context):\n    return event\n"
_FUNCTIONS = "/2015-03-31/functions"
_URLS = "/2021-10-31/functions"


@dataclass(frozen=True)
class Run:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output, which must be one JSON document."""
        return json.loads(self.out)


@dataclass
class StandIn:
    """The server's state; tests read and change it."""

    url: str = ""
    functions: dict[str, dict[str, Any]] = field(default_factory=dict)
    packages: dict[str, bytes] = field(default_factory=dict)
    uploads: int = 0
    health: dict[str, Any] = field(default_factory=lambda: {"runtimes": ["python3.11"]})
    payload: bytes = b'{"answer": 42}'
    function_error: str | None = None
    log: str = REPORT
    events: list[dict[str, Any]] = field(default_factory=list)
    invoked_with: list[bytes] = field(default_factory=list)
    refusal: tuple[int, str, str] | None = None
    final_state: str = "Active"
    urls: dict[str, dict[str, Any]] = field(default_factory=dict)
    permissions: dict[str, dict[str, Any]] = field(default_factory=dict)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body = b""
        more = True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        status, headers, answer = self._answer(scope, body)
        pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": status, "headers": pairs})
        await send({"type": "http.response.body", "body": answer})

    def _answer(self, scope: Any, body: bytes) -> tuple[int, dict[str, str], bytes]:
        path, method = unquote(scope["path"]).rstrip("/"), scope["method"]
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        if path == "/_lambdad/health":
            return 200, {}, json.dumps(self.health).encode()
        if self.refusal:
            return _error(*self.refusal)
        if "x-amz-target" in headers:
            return self._filter_log_events(json.loads(body))
        return self._lambda(method, path, body)

    def _lambda(self, method: str, path: str, body: bytes) -> tuple[int, dict[str, str], bytes]:
        if path == _FUNCTIONS and method == "GET":
            listed = [_without_state(self.functions[name]) for name in sorted(self.functions)]
            return _json(200, {"Functions": listed})
        if path == _FUNCTIONS:
            return _json(201, self._create(json.loads(body)))
        if path.startswith(_URLS):
            return self._url(method, path.split("/")[3], json.loads(body or b"{}"))
        _, _, rest = path.partition(f"{_FUNCTIONS}/")
        name, _, action = rest.partition("/")
        if name not in self.functions:
            return _error(404, "ResourceNotFoundException", f"Function not found: {name}")
        if action == "invocations":
            return self._invoke(body)
        if action == "policy":
            return self._permit(json.loads(body))
        if method == "DELETE":
            del self.functions[name]
            return 204, {}, b""
        if method == "PUT":
            self._update(name, action, json.loads(body))
        function = self.functions[name]
        if action == "configuration" or method == "PUT":
            return _json(200, function)
        return _json(200, {"Configuration": function, "Code": {}})

    def _create(self, request: dict[str, Any]) -> dict[str, Any]:
        function = {
            "FunctionName": request["FunctionName"],
            "FunctionArn": "arn:aws:lambda:us-east-1:000000000000:function:"
            + request["FunctionName"],
            "Runtime": request["Runtime"],
            "Handler": request["Handler"],
            "Role": request["Role"],
            "MemorySize": request.get("MemorySize", 128),
            "Timeout": request.get("Timeout", 3),
            "Environment": request.get("Environment", {"Variables": {}}),
            "LastModified": "2026-01-02T03:04:05.000+0000",
            "State": self.final_state,
            "StateReason": "Its runtime is not on this machine."
            if self.final_state == "Failed"
            else "",
            "LastUpdateStatus": "Successful",
        }
        self.functions[request["FunctionName"]] = function
        self._store(function, request["Code"]["ZipFile"])
        return function

    def _update(self, name: str, action: str, request: dict[str, Any]) -> None:
        if action == "code":
            self._store(self.functions[name], request["ZipFile"])
        else:
            self.functions[name].update(request)

    def _store(self, function: dict[str, Any], encoded: str) -> None:
        content = base64.b64decode(encoded)
        self.packages[function["FunctionName"]] = content
        self.uploads += 1
        function["CodeSize"] = len(content)
        function["CodeSha256"] = base64.b64encode(hashlib.sha256(content).digest()).decode()

    def _invoke(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
        self.invoked_with.append(body)
        headers = {
            "X-Amz-Executed-Version": "$LATEST",
            "X-Amz-Log-Result": base64.b64encode(self.log.encode()).decode(),
        }
        if self.function_error:
            headers["X-Amz-Function-Error"] = self.function_error
        return 200, headers, self.payload

    def _url(
        self, method: str, name: str, request: dict[str, Any]
    ) -> tuple[int, dict[str, str], bytes]:
        if method != "POST" and name not in self.urls:
            return _error(404, "ResourceNotFoundException", "The resource does not exist.")
        if method == "POST":
            self.urls[name] = {"FunctionUrl": f"http://{name}.lambda-url.localhost/"}
        if method != "GET":
            self.urls[name].update(request)
        return _json(200, self.urls[name])

    def _permit(self, request: dict[str, Any]) -> tuple[int, dict[str, str], bytes]:
        statement_id = request.pop("StatementId")
        if statement_id in self.permissions:
            return _error(409, "ResourceConflictException", "It exists.")
        self.permissions[statement_id] = request
        return _json(201, {"Statement": "{}"})

    def _filter_log_events(self, request: dict[str, Any]) -> tuple[int, dict[str, str], bytes]:
        pattern = request.get("filterPattern", "").strip('"')
        found = [
            event
            for event in self.events
            if event["timestamp"] >= request["startTime"] and pattern in event["message"]
        ]
        return _json(200, {"events": found})


def _without_state(function: dict[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in function.items() if k not in {"State", "StateReason"}}


def _json(status: int, value: Any) -> tuple[int, dict[str, str], bytes]:
    return status, {"content-type": "application/json"}, json.dumps(value).encode()


def _error(status: int, code: str, message: str) -> tuple[int, dict[str, str], bytes]:
    body = json.dumps({"Type": "User", "Message": message}).encode()
    return status, {"x-amzn-ErrorType": code, "content-type": "application/json"}, body


class RunningStandIn:
    """A `StandIn` on a port, or a free one, in a thread, for the length of a `with`."""

    def __init__(self, port: int = 0) -> None:
        self._port = port

    def __enter__(self) -> StandIn:
        self._socket = socket.create_server(("127.0.0.1", self._port))
        stand_in = StandIn(url=f"http://127.0.0.1:{self._socket.getsockname()[1]}")
        config = uvicorn.Config(stand_in, lifespan="off", ws="none", log_level="critical")
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()
        return stand_in

    def _serve(self) -> None:
        asyncio.run(self._server.serve(sockets=[self._socket]))

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._server.force_exit = True  # a client may have left a connection open
        self._thread.join()
        self._socket.close()

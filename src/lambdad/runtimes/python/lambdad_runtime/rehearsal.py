"""A whole invocation that nobody asked for, played while an environment waits for its function.

A fork shares its parent's memory until it writes there, and a first write to each page costs more
than most of what a runtime does. So everything that a cold start goes through is gone through once
before, with a Runtime API that is played; the first real event then finds its pages its own.
"""

from __future__ import annotations

import io
import json
import os
import socket
import sys
from typing import Any, Callable

from lambdad_runtime import handler, logs, search_path
from lambdad_runtime.connection import Connection
from lambdad_runtime.runtime_api import InvocationRequest, LambdaRuntimeClient

_VARIABLES = {
    "AWS_EXECUTION_ENV": "AWS_Lambda_python",
    "AWS_LAMBDA_FUNCTION_NAME": "rehearsal",
    "LAMBDA_TASK_ROOT": "/var/task",
}
_FUNCTION = "lambdad_runtime.rehearsed.echo"  # a module that nobody has imported yet
_EVENT = json.dumps({"rehearsal": [1, 2.5, "three", None, True]}).encode()
_ANSWERS = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n"
    b"Lambda-Runtime-Aws-Request-Id: rehearsal\r\nLambda-Runtime-Deadline-Ms: 1\r\n"
    b"Lambda-Runtime-Trace-Id: Root=1\r\nLambda-Runtime-Invoked-Function-Arn: arn\r\n\r\n%s"
    % (len(_EVENT), _EVENT)
)

Serve = Callable[[LambdaRuntimeClient, Any, InvocationRequest, logs.Log], None]


def rehearse(serve: Serve) -> None:
    """Play one invocation with `serve`, and leave no trace but warm memory."""
    path, streams, variables = list(sys.path), (sys.stdout, sys.stderr), dict(os.environ)
    sys.stdout = sys.stderr = io.StringIO()
    try:
        os.environ.update(_VARIABLES)
        search_path.set_up(os.environ, os.path.dirname(os.path.dirname(__file__)))
        log = logs.set_up(os.environ)
        client = LambdaRuntimeClient("127.0.0.1:9001", _PlayedConnection)
        request = client.wait_next_invocation()
        serve(client, handler.load(_FUNCTION), request, log)
    finally:
        sys.stdout, sys.stderr = streams
        sys.path[:] = path
        sys.modules.pop(_FUNCTION.rpartition(".")[0], None)
        os.environ.clear()
        os.environ.update(variables)


class _PlayedConnection(Connection):
    """To an API that has answered already, and that nobody listens at."""

    def _open(self) -> None:
        self._socket, self._other_end = socket.socketpair()
        self._other_end.sendall(_ANSWERS)
        self._unread = b""
        self._is_over = False

"""The stub sandbox: answers every event with the event itself, from a thread, isolates nothing.

It ships because it is of use: tests of everything above the sandbox run with it anywhere, and a
benchmark with it shows what the server alone costs.
"""

from __future__ import annotations

import http.client
import os
import socket
import threading

from lambdad.launcher import entering, packets
from lambdad.launcher.contract import Ended, Exit, Gauges, Look, Looked, Order, Prepared, Sandbox
from lambdad.launcher.loop import Loop

_NEXT = "/2018-06-01/runtime/invocation/next"
_RESPONSE = "/2018-06-01/runtime/invocation/{}/response"


class Stub:
    """Makes stub sandboxes."""

    name = "stub"

    def __init__(self, loop: Loop) -> None:
        self._loop = loop

    def prepare(self, runtime: str, account_id: str, memory_mb: int, prepared: Prepared) -> None:
        """There is nothing to prepare."""
        prepared(None)

    def look(self, directory: str, looked: Looked) -> None:
        """It runs no code, live or not."""
        looked(Look(directory, problem=f"{directory} cannot be had: the stub runs no code"))

    def count_waiting(self) -> int:
        """None waits."""
        return 0

    def start(self, order: Order, channel: int, output: int, ended: Ended) -> Sandbox:
        """Start the thread."""
        return _Echo(self._loop, os.dup(channel), os.dup(output), ended)

    def close(self) -> None:
        """Nothing is kept besides the sandboxes themselves."""


class _Echo:
    def __init__(self, loop: Loop, channel: int, output: int, ended: Ended) -> None:
        self._loop = loop
        self._ended = ended
        self._begin(channel, output)

    def _begin(self, channel: int, output: int) -> None:
        self._channel = packets.from_descriptor(channel)
        self._output = output
        self._connection: http.client.HTTPConnection | None = None
        self._is_killed = False
        self._over, self._over_end = os.pipe()
        self._loop.watch(self._over, self._finish)
        threading.Thread(target=self._run, daemon=True).start()

    def restart(self, channel: int, output: int) -> None:
        self._begin(os.dup(channel), os.dup(output))

    def check_memory(self) -> int | None:
        return 0  # nothing limits it

    def freeze(self) -> None:
        """There is nothing that could go on by itself."""

    def thaw(self) -> None:
        """See `freeze`."""

    def discard(self) -> None:
        self.kill()

    def gauges(self) -> Gauges:
        return Gauges()

    def kill(self) -> None:
        self._is_killed = True
        try:
            self._channel.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        if self._connection and self._connection.sock:
            try:
                self._connection.sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def _run(self) -> None:
        try:
            variables = self._take_assignment()
            self._connection = http.client.HTTPConnection(variables["AWS_LAMBDA_RUNTIME_API"])
            self._connection.auto_open = 0
            self._connection.connect()
            if self._is_killed:
                raise ConnectionResetError
            os.write(self._output, b"the stub is ready\n")
            while True:
                self._echo(self._connection)
        except (OSError, http.client.HTTPException, TypeError):
            pass
        finally:
            if self._connection:
                self._connection.close()
            os.close(self._over_end)

    def _take_assignment(self) -> dict[str, str]:
        listeners = entering.open_listeners()
        address = "{}:{}".format(*listeners[0].getsockname())
        try:
            descriptors = [listener.fileno() for listener in listeners]
            packets.send(self._channel, {"handed": list(entering.LISTENERS)}, descriptors)
        finally:
            for listener in listeners:
                listener.close()
        message, _ = packets.receive(self._channel) or ({}, [])
        if not message:
            raise ConnectionResetError("the environment was not wanted any more")
        return {"AWS_LAMBDA_RUNTIME_API": address, **message["variables"]}

    def _echo(self, connection: http.client.HTTPConnection) -> None:
        connection.request("GET", _NEXT)
        response = connection.getresponse()
        event = response.read()
        request_id = response.headers["Lambda-Runtime-Aws-Request-Id"]
        connection.request("POST", _RESPONSE.format(request_id), event)
        connection.getresponse().read()

    def _finish(self) -> None:
        self._loop.forget(self._over)
        for descriptor in (self._over, self._output):
            os.close(descriptor)
        self._channel.close()
        self._ended(Exit(status=9))

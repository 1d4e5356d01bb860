"""The server under test, started as a user would start it, and stopped by its own pid."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from benchmarks import packages
from benchmarks.machine import runtime
from benchmarks.workload import Address, Connection, get_request

_LAMBDAD = str(Path(sys.executable).with_name("lambdad"))
_STOP_SECONDS = 15
_READY_SECONDS = 30
_ROLE = "arn:aws:iam::000000000000:role/benchmark"


class ServerError(Exception):
    """The server did not do what a benchmark needs."""


def is_isolated() -> bool:
    """Whether functions run in namespaces and cgroups."""
    return os.geteuid() == 0


def command(data: Path, *flags: str) -> list[str]:
    """`lambdad serve`, isolated when that is possible."""
    sandbox = [] if is_isolated() else ["--sandbox", "process"]
    return [_LAMBDAD, "serve", "--port", "0", "--data-dir", str(data), *sandbox, *flags]


class Server:
    """A process that serves HTTP, from its first line of output to its end."""

    def __init__(self, arguments: Sequence[str], log: Path) -> None:
        with log.open("wb") as errors:
            self._process = subprocess.Popen(
                arguments, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors
            )
        self.pid = self._process.pid
        try:
            self.url, self.address = self._read_address(log)
        except BaseException:
            self.stop()
            raise

    def _read_address(self, log: Path) -> tuple[str, Address]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline().decode()
        address = re.search(r"http://([\d.]+):(\d+)", line)
        if address is None:
            raise ServerError(f"The server did not start:\n{log.read_text(errors='replace')}")
        return address[0], (address[1], int(address[2]))

    def wait_until_healthy(self) -> None:
        """Ask until it answers 200, which it should at once."""
        connection = Connection(self.address)
        deadline = time.monotonic() + _READY_SECONDS
        while connection.exchange(get_request("/_lambdad/health")).status != 200:
            if time.monotonic() > deadline:
                raise ServerError("The server does not become healthy.")
        connection.close()

    def stop(self) -> None:
        """Let it drain; end it when it does not."""
        self._process.terminate()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()


class Functions:
    """Deploys functions through boto3; invoking them is the workload's business."""

    def __init__(self, url: str) -> None:
        self._client = _client("lambda", url)
        self._logs = _client("logs", url)

    def deploy(self, source: str, memory_mb: int, name: str = "", timeout: int = 60) -> str:
        """Create a function from `functions/`, wait until it is active; returns its name."""
        name = name or f"{source}-{memory_mb}"
        package = packages.build(source)
        return self.deploy_package(
            name, package, runtime(), f"{source}.handler", memory_mb, timeout
        )

    def deploy_package(
        self,
        name: str,
        package: bytes,
        runtime: str,
        handler: str,
        memory_mb: int,
        timeout: int = 60,
    ) -> str:
        """The same with any package."""
        self._client.create_function(
            FunctionName=name,
            Runtime=runtime,
            Handler=handler,
            Role=_ROLE,
            Code={"ZipFile": package},
            MemorySize=memory_mb,
            Timeout=timeout,
        )
        self._wait(name, "State", "Active")
        return name

    def make_url(self, name: str, *, is_streamed: bool = False) -> str:
        """Give the function a URL that anybody may call; returns the name of its host."""
        for id, action, more in (
            ("url", "InvokeFunctionUrl", {"FunctionUrlAuthType": "NONE"}),
            ("function", "InvokeFunction", {"InvokedViaFunctionUrl": True}),
        ):
            self._client.add_permission(
                FunctionName=name,
                StatementId=id,
                Action=f"lambda:{action}",
                Principal="*",
                **more,
            )
        mode = "RESPONSE_STREAM" if is_streamed else "BUFFERED"
        url = self._client.create_function_url_config(
            FunctionName=name, AuthType="NONE", InvokeMode=mode
        )
        return str(url["FunctionUrl"]).split("/")[2]

    def retire(self, name: str) -> None:
        """Change the function, so that its next invocation needs a new execution environment."""
        self._client.update_function_configuration(
            FunctionName=name, Description=f"changed at {time.time_ns()}"
        )
        self._wait(name, "LastUpdateStatus", "Successful")

    def log_lines(self, name: str, pattern: str) -> list[str]:
        """What the function has logged that has `pattern` in it."""
        query = {"logGroupName": f"/aws/lambda/{name}", "filterPattern": pattern}
        pages = self._logs.get_paginator("filter_log_events").paginate(**query)
        try:
            return [event["message"] for page in pages for event in page["events"]]
        except self._logs.exceptions.ResourceNotFoundException:
            return []

    def _wait(self, name: str, member: str, wanted: str) -> None:
        deadline = time.monotonic() + _READY_SECONDS
        while True:
            function = self._client.get_function_configuration(FunctionName=name)
            if function[member] == wanted:
                return
            if function[member] == "Failed" or time.monotonic() > deadline:
                raise ServerError(f"{name}: {member} is {function[member]}: {function}")
            time.sleep(0.005)


def _client(service: str, url: str) -> Any:
    return boto3.client(
        service,
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(proxies={}, retries={"total_max_attempts": 1}),
    )


@contextmanager
def running(arguments: Sequence[str]) -> Iterator[Server]:
    """Some server, stopped at the end."""
    with tempfile.TemporaryDirectory(prefix="lambdad-bench-") as directory:
        server = Server(arguments, Path(directory) / "server.log")
        try:
            yield server
        finally:
            server.stop()


@contextmanager
def running_lambdad(*flags: str) -> Iterator[tuple[Server, Functions]]:
    """lambdad on a temporary data directory."""
    with (
        tempfile.TemporaryDirectory(prefix="lambdad-bench-") as data,
        running(command(Path(data), *flags)) as server,
    ):
        yield server, Functions(server.url)

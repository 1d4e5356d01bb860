"""A deployed function, as a test holds it."""

from __future__ import annotations

import base64
import json
import re
import sys
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from support.waiting import wait_until

RUNTIME = f"python3.{min(sys.version_info[1], 14)}"  # of the functions that tests deploy

_FIELD = re.compile(r"([A-Z][A-Za-z ]+): ([^\t]+)")


@dataclass(frozen=True)
class Answer:
    """What Invoke answered."""

    response: dict[str, Any]
    payload: bytes

    @property
    def value(self) -> Any:
        """The payload, decoded."""
        return json.loads(self.payload)

    @property
    def error(self) -> str | None:
        """The X-Amz-Function-Error header."""
        return self.response.get("FunctionError")

    @property
    def request_id(self) -> str:
        """Invoke's request id, which is the function's too."""
        return str(self.response["ResponseMetadata"]["RequestId"])

    @property
    def tail(self) -> str:
        """The log tail, decoded."""
        return base64.b64decode(self.response.get("LogResult", "")).decode()

    @property
    def lines(self) -> list[str]:
        """The lines of the log tail."""
        return self.tail.splitlines()

    @property
    def report(self) -> dict[str, str]:
        """The fields of the REPORT line."""
        line = next((line for line in self.lines if line.startswith("REPORT ")), "")
        return dict(_FIELD.findall(line.removeprefix("REPORT ")))

    @property
    def is_cold(self) -> bool:
        """Whether this invocation had an Init phase."""
        return "Init Duration" in self.report

    def __str__(self) -> str:
        payload = self.payload[:2000].decode(errors="replace")
        return f"{self.error or 'no error'}: {payload}\n{self.tail}"


@dataclass(frozen=True)
class DeployedFunction:
    """A function that is Active, and the clients to reach it by."""

    client: Any
    logs: Any
    created: dict[str, Any]

    @property
    def name(self) -> str:
        """Its name."""
        return str(self.created["FunctionName"])

    @property
    def arn(self) -> str:
        """Its unqualified ARN."""
        return str(self.created["FunctionArn"])

    @property
    def log_group(self) -> str:
        """Where its log lines go."""
        return f"/aws/lambda/{self.name}"

    def invoke(self, event: Any = None, *, payload: bytes | None = None, **more: Any) -> Answer:
        """Invoke it with its log tail; a function error is an answer like any other."""
        body = json.dumps({} if event is None else event).encode() if payload is None else payload
        parameters = {"FunctionName": self.name, "LogType": "Tail", "Payload": body, **more}
        response = self.client.invoke(**parameters)
        return Answer(response, response["Payload"].read())

    def call(self, event: Any = None) -> Any:
        """The function's result; it must not fail."""
        answer = self.invoke(event)
        assert answer.error is None, str(answer)
        return answer.value

    def configuration(self) -> dict[str, Any]:
        """GetFunctionConfiguration."""
        found: dict[str, Any] = self.client.get_function_configuration(FunctionName=self.name)
        return found

    def update_code(self, package: bytes) -> dict[str, Any]:
        """UpdateFunctionCode, and wait until it has taken effect."""
        self.client.update_function_code(FunctionName=self.name, ZipFile=package)
        return self.wait_until_updated()

    def update_configuration(self, **changes: Any) -> dict[str, Any]:
        """UpdateFunctionConfiguration, and wait until it has taken effect."""
        self.client.update_function_configuration(FunctionName=self.name, **changes)
        return self.wait_until_updated()

    def wait_until_updated(self) -> dict[str, Any]:
        """Wait for the end of an update; it must have succeeded."""
        found = self._wait_until_not("LastUpdateStatus", "InProgress")
        assert found["LastUpdateStatus"] == "Successful", found
        return found

    def wait_until_settled(self) -> dict[str, Any]:
        """Wait until it is not Pending any more; Active or Failed."""
        return self._wait_until_not("State", "Pending")

    def _wait_until_not(self, member: str, value: str) -> dict[str, Any]:
        """Wait until a member of the configuration has another value, and return it all."""

        def settled() -> dict[str, Any]:
            found = self.configuration()
            return found if found[member] != value else {}

        return wait_until(settled, f"{member} of {self.name} is no longer {value}")

    def starts(self) -> int:
        """How many invocations have started so far, as the log tells."""
        return sum(message.startswith("START ") for message in self.log_messages())

    def log_messages(self, pattern: str = "") -> list[str]:
        """Every line of its log group, oldest first."""
        query = {"logGroupName": self.log_group, "filterPattern": pattern}
        pages = self.logs.get_paginator("filter_log_events").paginate(**query)
        try:
            return [event["message"] for page in pages for event in page["events"]]
        except ClientError as error:
            if error.response["Error"]["Code"] == "ResourceNotFoundException":
                return []
            raise

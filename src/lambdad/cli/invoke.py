"""`lambdad invoke`: run a function once and show what came of it."""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path
from typing import Any

import click

from lambdad.cli.endpoint import Endpoint
from lambdad.cli.failure import ExitCode
from lambdad.cli.functions import function_named, name_argument
from lambdad.cli.options import client_command
from lambdad.cli.report import ReportLine
from lambdad.cli.screen import Screen

# A function may run for 15 minutes, and a cold start comes before.
_READ_TIMEOUT = 930


@client_command("invoke")
@name_argument
@click.argument("payload", required=False)
@click.option(
    "--file",
    "-f",
    "payload_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Read the payload from a file.",
)
def command(
    endpoint: Endpoint, screen: Screen, name: str, payload: str | None, payload_file: Path | None
) -> int:
    """Run a function and show its result.

    PAYLOAD is the event, as JSON; "-" reads it from standard input. The result goes to standard
    output; log tail and durations go to standard error. The exit code is 1 when the function
    failed.
    """
    event = _read_payload(payload, payload_file)
    # One attempt: a retry would run the function twice.
    client = endpoint.client("lambda", read_timeout=_READ_TIMEOUT, attempts=1)
    with function_named(client, name):
        answer = client.invoke(FunctionName=name, Payload=event, LogType="Tail")
    result = _parse(answer["Payload"].read())
    log_tail = base64.b64decode(answer.get("LogResult", "")).decode(errors="replace")
    report = ReportLine.find(log_tail)
    if screen.as_json:
        screen.json(_document(answer, result, log_tail, report))
    else:
        _show(screen, answer, result, log_tail, report)
    return ExitCode.FUNCTION_ERROR if answer.get("FunctionError") else ExitCode.DONE


def _read_payload(payload: str | None, payload_file: Path | None) -> bytes:
    if payload is not None and payload_file is not None:
        raise click.UsageError("Give PAYLOAD or --file, not both.")
    if payload_file is not None:
        text = payload_file.read_bytes()
    elif payload == "-":
        text = sys.stdin.buffer.read()
    else:
        text = (payload or "{}").encode()
    try:
        json.loads(text)
    except ValueError as error:
        raise click.UsageError(f"The payload is not JSON: {error}.") from None
    return text


def _parse(payload: bytes) -> Any:
    """The result as JSON where it is JSON, else as text."""
    try:
        return json.loads(payload)
    except ValueError:
        return payload.decode(errors="replace")


def _document(
    answer: dict[str, Any], result: Any, log_tail: str, report: ReportLine | None
) -> dict[str, Any]:
    return {
        "StatusCode": answer["StatusCode"],
        "ExecutedVersion": answer.get("ExecutedVersion"),
        "FunctionError": answer.get("FunctionError"),
        "Payload": result,
        "Report": report.to_json() if report else None,
        "LogTail": log_tail,
    }


def _show(
    screen: Screen, answer: dict[str, Any], result: Any, log_tail: str, report: ReportLine | None
) -> None:
    screen.json(result)
    sys.stdout.flush()
    if log_tail:
        screen.note(log_tail.rstrip("\n"), style="dim")
    if answer.get("FunctionError"):
        screen.note(f"The function failed ({answer['FunctionError']}).", style="bold red")
    if report:
        screen.note(str(report), style="yellow" if report.is_cold else "green")

"""`lambdad invoke`: run a function once and show what came of it."""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path
from typing import Any

import click

from lambdad.cli.endpoint import Endpoint
from lambdad.cli.failure import CommandError, ExitCode
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
@click.option("--stream", is_flag=True, help="Show the response while the function writes it.")
def command(
    endpoint: Endpoint,
    screen: Screen,
    name: str,
    payload: str | None,
    payload_file: Path | None,
    stream: bool,
) -> int:
    """Run a function and show its result.

    PAYLOAD is the event, as JSON; "-" reads it from standard input. The result goes to standard
    output; log tail and durations go to standard error. The exit code is 1 when the function
    failed.
    """
    if stream and screen.as_json:
        raise click.UsageError("What is shown while it is written is no document: no --json.")
    event = _read_payload(payload, payload_file)
    # One attempt: a retry would run the function twice.
    client = endpoint.client("lambda", read_timeout=_READ_TIMEOUT, attempts=1)
    if stream:
        return _stream(client, screen, name, event)
    with function_named(client, name):
        answer = client.invoke(FunctionName=name, Payload=event, LogType="Tail")
    result = _parse(answer["Payload"].read())
    log_tail = _log_tail(answer)
    report = ReportLine.find(log_tail)
    if screen.as_json:
        screen.json(_document(answer, result, log_tail, report))
    else:
        _show(screen, answer, result, log_tail, report)
    return ExitCode.FUNCTION_ERROR if answer.get("FunctionError") else ExitCode.DONE


def _stream(client: Any, screen: Screen, name: str, event: bytes) -> int:
    """Show what the function writes as it writes it, and at the end the rest as always."""
    complete = None
    with function_named(client, name):
        answer = client.invoke_with_response_stream(
            FunctionName=name, Payload=event, LogType="Tail"
        )
    try:
        for each in answer["EventStream"]:
            screen.raw(each.get("PayloadChunk", {}).get("Payload", b""))
            complete = each.get("InvokeComplete")
    except BrokenPipeError:  # nobody reads what is shown
        raise
    except Exception as error:  # of the library below botocore, which it does not translate
        raise CommandError(f"The response broke off: {error}", ExitCode.UNREACHABLE) from None
    if complete is None:
        raise CommandError("The response ended before the function did.", ExitCode.UNREACHABLE)
    log_tail = _log_tail(complete)
    _show_log(screen, log_tail, complete.get("ErrorCode"), ReportLine.find(log_tail))
    if "ErrorCode" not in complete:
        return ExitCode.DONE
    screen.note(complete.get("ErrorDetails", ""))
    return ExitCode.FUNCTION_ERROR


def _log_tail(answer: dict[str, Any]) -> str:
    return base64.b64decode(answer.get("LogResult", "")).decode(errors="replace")


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
    _show_log(screen, log_tail, answer.get("FunctionError"), report)


def _show_log(
    screen: Screen, log_tail: str, function_error: str | None, report: ReportLine | None
) -> None:
    if log_tail:
        screen.note(log_tail.rstrip("\n"), style="dim")
    if function_error:
        screen.note(f"The function failed ({function_error}).", style="bold red")
    if report:
        screen.note(str(report), style="yellow" if report.is_cold else "green")

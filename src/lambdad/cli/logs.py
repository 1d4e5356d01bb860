"""`lambdad logs`: what a function wrote, and what it writes."""

from __future__ import annotations

import gzip
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import click

from lambdad.cli.endpoint import Endpoint, error_code
from lambdad.cli.failure import CommandError, ExitCode
from lambdad.cli.functions import function_named, name_argument
from lambdad.cli.options import client_command
from lambdad.cli.screen import Screen

_POLL_SECONDS = 1.0
# A line may become readable a little after lines that are younger than it.
_OVERLAP_MS = 5_000
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_PLATFORM_LINE = re.compile(r"^(INIT_START|START|END|REPORT|INIT_REPORT|EXTENSION|TELEMETRY)\b")
_ERROR_LINE = re.compile(r"^(\[ERROR\]|Traceback )")


def _read_age(context: click.Context, parameter: click.Parameter, text: str) -> float:
    """Seconds in 30s, 10m, 2h or 1d."""
    match = re.fullmatch(r"(\d+)([smhd])", text)
    if not match:
        raise click.BadParameter(
            f"{text!r} is not an age such as 30s, 10m, 2h or 1d.", context, parameter
        )
    return float(match[1]) * _SECONDS[match[2]]


@client_command("logs")
@name_argument
@click.option("--follow", "-f", is_flag=True, help="Keep showing new lines until Ctrl-C.")
@click.option(
    "--since", callback=_read_age, default="10m", metavar="AGE", show_default=True,
    help="Oldest line to show: 30s, 10m, 2h, 1d.",
)  # fmt: skip
@click.option("--filter", "pattern", metavar="PATTERN", help="A CloudWatch Logs filter pattern.")
@click.option(
    "--export", "export_to", type=click.Path(dir_okay=False, writable=True), metavar="FILE",
    help="Write the lines to a file instead, compressed if its name ends with .gz.",
)  # fmt: skip
def command(
    endpoint: Endpoint,
    screen: Screen,
    name: str,
    follow: bool,
    since: float,
    pattern: str | None,
    export_to: str | None,
) -> None:
    """Show the log lines of a function.

    With --json and -f each line is a JSON document of its own.
    """
    if follow and export_to:
        raise click.UsageError("--export writes what is there; it cannot --follow.")
    query: dict[str, Any] = {"logGroupName": _log_group(endpoint, name)}
    if pattern:
        query["filterPattern"] = pattern
    start_ms = int((time.time() - since) * 1000)
    client = endpoint.client("logs")
    if follow:
        _follow(client, screen, query, start_ms)
        return
    if export_to:
        try:
            lines = _export(_read(client, query, start_ms), export_to)
        except OSError as error:
            text = f"{export_to} cannot be written: {error.strerror}."
            raise CommandError(text, ExitCode.USAGE) from None
        screen.note(f"{lines} lines are in {export_to}.")
        if screen.as_json:
            screen.json({"file": export_to, "lines": lines})
        return
    events = list(_read(client, query, start_ms))
    if screen.as_json:
        screen.json({"events": events})
        return
    for event in events:
        _show(screen, event)
    if not events:
        screen.note("No lines in that time. --since 1d looks further back.")


def _log_group(endpoint: Endpoint, name: str) -> str:
    client = endpoint.client("lambda")
    with function_named(client, name):
        configuration = client.get_function_configuration(FunctionName=name)
    logging = configuration.get("LoggingConfig") or {}
    return str(logging.get("LogGroup") or f"/aws/lambda/{configuration['FunctionName']}")


def _read(client: Any, query: dict[str, Any], start_ms: int) -> Iterator[dict[str, Any]]:
    """Every event since `start_ms`; none when the function has not logged yet."""
    from botocore.exceptions import ClientError

    pages = client.get_paginator("filter_log_events").paginate(**query, startTime=start_ms)
    try:
        for page in pages:
            yield from page["events"]
    except ClientError as error:
        if error_code(error) != "ResourceNotFoundException":
            raise


def _export(events: Iterator[dict[str, Any]], path: str) -> int:
    """Write the lines as an export task of CloudWatch writes them; returns how many."""
    count = 0
    open_file = gzip.open if path.endswith(".gz") else open
    with open_file(path, "wt", encoding="utf-8", errors="replace") as file:
        for event in events:
            count += 1
            moment = datetime.fromtimestamp(event["timestamp"] / 1000, UTC).replace(tzinfo=None)
            message = event["message"].rstrip("\n")
            file.write(f"{moment.isoformat(timespec='milliseconds')}Z {message}\n")
    return count


def _follow(client: Any, screen: Screen, query: dict[str, Any], start_ms: int) -> None:
    """Show new events as they come; the last seconds are read twice, so ids are remembered."""
    seen: dict[str, int] = {}
    while True:
        for event in _read(client, query, start_ms):
            if event["eventId"] in seen:
                continue
            seen[event["eventId"]] = event["timestamp"]
            if screen.as_json:
                screen.json_line(event)
            else:
                _show(screen, event)
        newest_ms = min(max(seen.values(), default=0), int(time.time() * 1000))
        start_ms = max(start_ms, newest_ms - _OVERLAP_MS)  # others may be dated ahead
        seen = {key: moment for key, moment in seen.items() if moment >= start_ms}
        time.sleep(_POLL_SECONDS)


def _show(screen: Screen, event: dict[str, Any]) -> None:
    moment = datetime.fromtimestamp(event["timestamp"] / 1000).astimezone()
    message = event["message"].rstrip("\r\n")
    style = ""
    if _PLATFORM_LINE.match(message):
        style = "dim"
    elif _ERROR_LINE.match(message):
        style = "red"
    screen.line(f"{moment:%Y-%m-%d %H:%M:%S}.{moment.microsecond // 1000:03d} {message}", style)

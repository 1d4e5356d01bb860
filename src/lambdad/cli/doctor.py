"""`lambdad doctor`: what this machine offers, and what would make it offer more."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from lambdad.cli.failure import ExitCode
from lambdad.cli.screen import Screen
from lambdad.launcher.findings.finding import Finding, State
from lambdad.launcher.findings.strength import Strength, diagnose
from lambdad.launcher.probes.examine import examine

_STYLES = {State.OK: "green", State.WEAKER: "yellow", State.MISSING: "red"}
_STATE_WIDTH = max(len(state.value) for state in State)
_GAP = 2
_LEAST_INDENT = 4


@click.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document, nothing else.")
def command(as_json: bool) -> int:
    """Tell what this machine offers, line by line.

    Where something stronger is not available, the reason and the command that changes it follow.
    Nothing is changed on the machine. The exit code is 0 when a sandbox that isolates is
    available to the user who asks, else 2.
    """
    screen = Screen(as_json=as_json)
    findings, strength = diagnose(examine())
    if as_json:
        screen.json(_to_json(findings, strength))
    else:
        _show(screen, findings, strength)
    return ExitCode.DONE if strength.is_isolating else ExitCode.USAGE


def _to_json(findings: Sequence[Finding], strength: Strength) -> dict[str, Any]:
    return {
        "Sandbox": strength.sandbox,
        "Isolates": strength.is_isolating,
        "How": strength.how,
        "Command": strength.command,
        "Weaknesses": list(strength.weaknesses),
        "Findings": [
            {
                "Subject": finding.subject,
                "State": finding.state.value,
                "What": finding.what,
                "Why": finding.why or None,
                "Command": finding.command or None,
            }
            for finding in findings
        ],
    }


def _show(screen: Screen, findings: Sequence[Finding], strength: Strength) -> None:
    subject_width = max(len(finding.subject) for finding in findings)
    indent = _STATE_WIDTH + subject_width + 2 * _GAP
    for finding in findings:
        screen.show(_row(finding, subject_width))
        if finding.command:
            _show_command(screen, finding.command, indent)
    _show_strength(screen, strength)


def _row(finding: Finding, subject_width: int) -> Any:
    from rich.table import Table
    from rich.text import Text

    row = Table(box=None, show_header=False, pad_edge=False, padding=(0, _GAP, 0, 0))
    row.add_column(width=_STATE_WIDTH)
    row.add_column(width=subject_width)
    row.add_column(overflow="fold")
    state = Text(finding.state.value, style=_STYLES[finding.state])
    row.add_row(state, Text(finding.subject), Text(finding.what))
    if finding.why:
        row.add_row("", "", Text(finding.why, style="dim"))
    return row


def _show_command(screen: Screen, text: str, indent: int) -> None:
    """On a line of its own that rich does not fold, so that it can be copied whole; further to
    the left where that keeps it on one line."""
    room = screen.out.width - len(text)
    spaces = indent if room >= indent else max(_LEAST_INDENT, room)
    screen.line(" " * spaces + text, style="cyan")


def _show_strength(screen: Screen, strength: Strength) -> None:
    screen.line("")
    style = "bold green" if strength.is_isolating else "bold red"
    screen.line(f"Strongest sandbox: {strength.sandbox} ({strength.how})", style=style)
    for weakness in strength.weaknesses:
        screen.line(f"  - {weakness}")
    screen.line(f"Start it with: {strength.command}", style="cyan")

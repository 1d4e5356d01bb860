"""`lambdad deploy --watch`: deploy each change, and say in one line what came of it."""

from __future__ import annotations

import time
from datetime import datetime

from lambdad.cli.deployment import Deployment, Outcome
from lambdad.cli.endpoint import Endpoint
from lambdad.cli.failure import CommandError, ExitCode
from lambdad.cli.package import Source, unreadable
from lambdad.cli.screen import Screen
from lambdad.cli.watched_files import Change, WatchedFiles

_RETRY_SECONDS = 1.0
_NAMES_SHOWN = 3


class Watch:
    """The endless part of a deployment."""

    def __init__(
        self, endpoint: Endpoint, screen: Screen, deployment: Deployment, files: WatchedFiles
    ) -> None:
        self._endpoint = endpoint
        self._screen = screen
        self._deployment = deployment
        self._files = files

    def run(self) -> None:
        """Deploy every change until Ctrl-C."""
        self._screen.note(f"Watching {self._files.path}; Ctrl-C ends it.", "dim")
        try:
            while True:
                self._deploy(self._files.wait_for_change())
        except KeyboardInterrupt:
            self._screen.note("")  # the terminal has written ^C

    def _deploy(self, change: Change | None) -> None:
        """Deploy what changed; after a failure that may pass by itself, again and again."""
        told = ""
        while change:
            try:
                outcome = self._attempt()
            except CommandError as error:
                if error.message != told:
                    self._tell_failure(change, error)
                if not _may_pass(error):
                    return
                told = error.message
                later = self._files.wait_for_change(_RETRY_SECONDS)
                change = change | later if later else change
            else:
                self._tell(change, outcome)
                return

    def _attempt(self) -> Outcome:
        with self._endpoint.failures(), unreadable(self._files.path):
            return self._deployment.run(Source(self._files.path))

    def _tell(self, change: Change, outcome: Outcome) -> None:
        live_ms = round((time.monotonic() - change.noticed) * 1000)
        is_same = outcome.status == "unchanged"
        if self._screen.as_json:
            beside = {"Changed": sorted(change.files)} | ({} if is_same else {"LiveMs": live_ms})
            self._screen.json_line(outcome.to_json() | beside)
        elif is_same:
            self._screen.line(_line(change, "the package is the same, nothing uploaded"), "dim")
        else:
            self._screen.line(_line(change, f"live after {live_ms} ms"), "green")

    def _tell_failure(self, change: Change, error: CommandError) -> None:
        if self._screen.as_json:
            self._screen.json_line(error.to_json() | {"Changed": sorted(change.files)})
        else:
            self._screen.note(_line(change, error.message), "red")


def _may_pass(error: CommandError) -> bool:
    """Is the server away, or busy with another update?"""
    return error.code == ExitCode.UNREACHABLE or error.name == "ResourceConflictException"


def _line(change: Change, what: str) -> str:
    files = sorted(change.files)
    names = ", ".join(files[:_NAMES_SHOWN])
    if len(files) > _NAMES_SHOWN:
        names += f" and {len(files) - _NAMES_SHOWN} more"
    one_line = " ".join(what.split())
    return f"{datetime.now():%H:%M:%S} {names}: {one_line}"

"""The steps of a deployment: look, install, zip, upload, wait until active."""

from __future__ import annotations

import json
import re
import ssl
import sys
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any

from lambdad.cli.endpoint import ATTEMPTS, Endpoint, error_code
from lambdad.cli.failure import CommandError, ExitCode
from lambdad.cli.handlers import defines, find_handler
from lambdad.cli.languages import NEWEST, NOT_AWSS, find_language, handler_form
from lambdad.cli.package import BOOTSTRAP, Source, code_sha256
from lambdad.cli.requirements import python_version
from lambdad.cli.steps import OnStep, ignore
from lambdad.cli.workshop import Workshop

OS_ONLY = "provided.al2023"
DEFAULT_ROLE = "arn:aws:iam::000000000000:role/lambdad"
_HEALTH_TIMEOUT = 2
_WAITER = {"Delay": 0.02, "MaxAttempts": 3000}  # a minute


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the user asked for; None leaves a function as it is."""

    name: str
    handler: str | None = None
    runtime: str | None = None
    memory: int | None = None
    timeout: int | None = None
    variables: dict[str, str] | None = None
    role: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """`status` is created, updated or unchanged; `url` is there if it was asked for."""

    status: str
    configuration: dict[str, Any]
    url: str = ""

    def to_json(self) -> dict[str, Any]:
        """The configuration as the API gives it, and what was done."""
        members = {k: v for k, v in self.configuration.items() if k != "ResponseMetadata"}
        url = {"FunctionUrl": self.url} if self.url else {}
        return {"Status": self.status, **members, **url}


class Deployment:
    """Brings a function to what the user asked for, as often as its source changes."""

    def __init__(
        self, endpoint: Endpoint, wishes: Wishes, workshop: Workshop, *, attempts: int = ATTEMPTS
    ) -> None:
        self._endpoint = endpoint
        self._client = endpoint.client("lambda", attempts=attempts)
        self._wishes = wishes
        self._workshop = workshop

    def run(self, source: Source, on_step: OnStep = ignore) -> Outcome:
        """Deploy `source`; `on_step` hears of every step."""
        on_step("looking")
        existing = self._find()
        runtime = self._choose_runtime(source, existing)
        handler = self._choose_handler(source, existing, runtime)
        content = source.build(runtime, on_step, self._workshop)
        settings = self._settings(runtime, handler, new=existing is None)
        on_step("uploading, and waiting until active")
        if existing is None:
            self._create(content, settings)
            status = "created"
        elif self._update(existing, content, settings):
            status = "updated"
        else:
            status = "unchanged"
        return Outcome(status, self._find() or {})

    def _find(self) -> dict[str, Any] | None:
        from botocore.exceptions import ClientError

        try:
            found: dict[str, Any] = self._client.get_function_configuration(
                FunctionName=self._wishes.name
            )
        except ClientError as error:
            if error_code(error) == "ResourceNotFoundException":
                return None
            raise
        return found

    def _choose_runtime(self, source: Source, existing: dict[str, Any] | None) -> str:
        """What was asked for, else what the function has, else what the package looks like: it
        brings its own, is in another language and has no Python, or is Python."""
        if self._wishes.runtime:
            return self._wishes.runtime
        if existing:
            return str(existing["Runtime"])
        if source.has_bootstrap:
            return OS_ONLY
        written = find_language(source.names)
        if written is None or source.sources:
            return newest_python(self._endpoint)
        return newest_of(written.language, self._endpoint)

    def _choose_handler(self, source: Source, existing: dict[str, Any] | None, runtime: str) -> str:
        """What was asked for, else what the function has if it is still there, else a search."""
        if self._wishes.handler:
            return self._wishes.handler
        kept = str(existing["Handler"]) if existing else ""
        if python_version(runtime) is None:
            if kept:
                return kept
            if runtime.startswith("provided"):
                return BOOTSTRAP  # nobody but the bootstrap reads it
            return _known_handler(source, runtime)
        sources = source.sources
        return kept if kept and defines(sources, kept) else find_handler(sources)

    def _settings(self, runtime: str, handler: str, *, new: bool) -> dict[str, Any]:
        """The configuration members to set, in AWS's words."""
        wishes = self._wishes
        wanted = {
            "Runtime": runtime,
            "Handler": handler,
            "MemorySize": wishes.memory,
            "Timeout": wishes.timeout,
            "Environment": None if wishes.variables is None else {"Variables": wishes.variables},
            "Role": wishes.role or (DEFAULT_ROLE if new else None),
        }
        return {member: value for member, value in wanted.items() if value is not None}

    def _create(self, content: bytes, settings: dict[str, Any]) -> None:
        self._client.create_function(
            FunctionName=self._wishes.name, Code={"ZipFile": content}, **settings
        )
        self._wait("function_active_v2")

    def _update(self, existing: dict[str, Any], content: bytes, settings: dict[str, Any]) -> bool:
        """Change what differs, code first; True when anything did."""
        changed = {
            member: value for member, value in settings.items() if existing.get(member) != value
        }
        has_failed = existing.get("State") == "Failed"  # the same code may fare better today
        new_code = has_failed or code_sha256(content) != existing["CodeSha256"]
        if new_code:
            self._client.update_function_code(FunctionName=self._wishes.name, ZipFile=content)
            self._wait("function_updated_v2")
        if changed:
            self._client.update_function_configuration(FunctionName=self._wishes.name, **changed)
            self._wait("function_updated_v2")
        return new_code or bool(changed)

    def _wait(self, waiter: str) -> None:
        from botocore.exceptions import WaiterError

        try:
            self._client.get_waiter(waiter).wait(
                FunctionName=self._wishes.name, WaiterConfig=_WAITER
            )
        except WaiterError as error:
            raise CommandError(_why(error), ExitCode.REFUSED, name="NotActive") from None


def _why(error: Any) -> str:
    """What the server says about a function that did not become active."""
    configuration = (error.last_response or {}).get("Configuration", {})
    reason = configuration.get("StateReason") or configuration.get("LastUpdateStatusReason")
    return f"The function did not become active: {reason or error}"


def _known_handler(source: Source, runtime: str) -> str:
    """The handler of a package in another language than Python, whose files tell it."""
    written = find_language(source.names)
    if written and written.handler and runtime.startswith(written.language):
        return written.handler
    form = handler_form(runtime)
    raise CommandError(
        f"No handler is found for {runtime}. Name it with --handler{form and ' '}{form}.",
        ExitCode.USAGE,
        name="NoHandler",
    )


def newest_python(endpoint: Endpoint) -> str:
    """The newest Python runtime that the server offers; a server that does not say is taken to
    have this command's own Python."""
    offered = [runtime for runtime in _offered_runtimes(endpoint) if python_version(runtime)]
    ours = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    return max(offered, key=_minor, default=ours)


def newest_of(language: str, endpoint: Endpoint) -> str:
    """The newest runtime of another language that the server offers by one of AWS's names; AWS's
    newest when there is none."""
    offered = [
        runtime
        for runtime in _offered_runtimes(endpoint)
        if runtime.startswith(language) and runtime not in NOT_AWSS
    ]
    return max(offered, key=_numbers, default=NEWEST[language])


def _numbers(runtime: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", runtime)]


def _minor(runtime: str) -> int:
    return int(runtime.rpartition(".")[2])


def _offered_runtimes(endpoint: Endpoint) -> list[str]:
    """The runtimes that the health page names."""
    handlers: list[urllib.request.BaseHandler] = []
    if endpoint.is_local:
        handlers.append(urllib.request.ProxyHandler({}))
    try:
        if endpoint.is_secure:
            trust = ssl.create_default_context(cafile=endpoint.ca_bundle)
            handlers.append(urllib.request.HTTPSHandler(context=trust))
        opener = urllib.request.build_opener(*handlers)
        with opener.open(f"{endpoint.url}/_lambdad/health", timeout=_HEALTH_TIMEOUT) as answer:
            health = json.load(answer)
    except (urllib.error.URLError, OSError, ValueError):
        return []
    return [str(runtime) for runtime in health.get("runtimes", [])]

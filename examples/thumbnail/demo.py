"""The whole way, in one run: start a server, deploy this directory through boto3, invoke it cold
and warm, write the thumbnail, stop the server.

    make demo
"""

from __future__ import annotations

import base64
import json
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console

from lambdad.cli.failure import CommandError
from lambdad.cli.package import Source
from lambdad.launcher.findings.strength import diagnose
from lambdad.launcher.probes.examine import examine
from lambdad.testing.server import LocalServer, ServerNotReady

HERE = Path(__file__).resolve().parent
THUMBNAIL = HERE / "out" / "thumbnail.jpg"
NAME = "thumbnail"

console = Console(highlight=False, soft_wrap=True)


def main() -> int:
    """Run the demo; 0 when the thumbnail was written."""
    try:
        with running_server() as url:
            run(url)
    except (DemoError, ServerNotReady, CommandError, BotoCoreError, ClientError) as error:
        console.print("[red]The demo failed.[/]", end=" ")
        console.print(str(error), markup=False)
        return 1
    console.print("[green]Stopped the server.[/] Nothing of it is left.")
    return 0


def run(url: str) -> None:
    """Deploy, invoke twice, keep the picture."""
    runtime = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    client = make_client(url)

    with step(f"Install Pillow from requirements.txt for {runtime} and zip it") as done:
        package = Source(HERE, only=("app.py", "photo.png", "requirements.txt")).build(runtime)
        done(f"{len(package) / 1e6:.1f} MB")

    with step("Deploy through boto3: create_function, then wait until it is active") as done:
        created = client.create_function(
            FunctionName=NAME,
            Runtime=runtime,
            Handler="app.handler",
            Role="arn:aws:iam::000000000000:role/demo",
            Code={"ZipFile": package},
            MemorySize=1769,
            Timeout=30,
        )
        client.get_waiter("function_active_v2").wait(
            FunctionName=NAME, WaiterConfig={"Delay": 0.1, "MaxAttempts": 600}
        )
        done(created["FunctionArn"])

    cold = invoke(client, "Invoke it: a cold start")
    invoke(client, "Invoke it again: warm")

    picture = base64.b64decode(cold["thumbnail"])
    THUMBNAIL.parent.mkdir(exist_ok=True)
    THUMBNAIL.write_bytes(picture)
    original = cold["original"]
    console.print(
        f"\nA photograph of {original['width']}x{original['height']} became a thumbnail of "
        f"{cold['width']}x{cold['height']} ({len(picture):,} bytes):\n  [bold]{THUMBNAIL}[/]"
    )


def invoke(client: Any, title: str) -> dict[str, Any]:
    """One invocation; prints its REPORT line."""
    with step(title) as done:
        started = time.perf_counter()
        answer = client.invoke(FunctionName=NAME, Payload=b"{}", LogType="Tail")
        elapsed_ms = (time.perf_counter() - started) * 1000
        payload = answer["Payload"].read()
        log = base64.b64decode(answer["LogResult"]).decode()
        if answer.get("FunctionError"):
            raise DemoError(f"The function failed:\n{payload.decode()}\n{log}")
        done(f"{elapsed_ms:.1f} ms as boto3 saw it")
    for line in log.splitlines():
        if line.startswith("REPORT"):
            console.print(f"  {line.strip()}", style="cyan", markup=False)
    result: dict[str, Any] = json.loads(payload)
    return result


@contextmanager
def running_server() -> Iterator[str]:
    """A server on a free port with a data directory of its own; nothing is left at the end."""
    with closing(LocalServer(sandbox=strongest_sandbox())) as server:
        with step("Start lambdad on a free port") as done:
            server.start()
            done(server.url)
        try:
            yield server.url
        except (BotoCoreError, ClientError):
            console.print(server.log, style="dim", markup=False)
            raise


def strongest_sandbox() -> str:
    """The one that isolates when this machine lets us; else the other, which is said."""
    _, strength = diagnose(examine())
    if not strength.is_isolating:
        console.print(
            f"[yellow]Using --sandbox {strength.sandbox}, which isolates nothing; `lambdad doctor` "
            "says what would.[/]"
        )
    return strength.sandbox


def make_client(url: str) -> Any:
    """An ordinary boto3 client; only the endpoint is ours."""
    return boto3.client(
        "lambda",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(proxies={}, retries={"total_max_attempts": 1}),
    )


@contextmanager
def step(title: str) -> Iterator[Any]:
    """Show what is being done, then how long it took and what came of it."""
    outcome: list[str] = []
    started = time.perf_counter()
    with console.status(title):
        yield outcome.append
    seconds = time.perf_counter() - started
    console.print(f"[green]✓[/] {title}  [dim]{seconds:.2f} s[/]")
    for text in outcome:
        console.print(f"  {text}", style="dim", markup=False)


class DemoError(Exception):
    """What went wrong, in a sentence."""


if __name__ == "__main__":
    sys.exit(main())

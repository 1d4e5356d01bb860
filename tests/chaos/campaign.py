"""Events under load, one fault after the other, and what a checker says of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any

from checker import Violation, find_violations
from evidence import ACCESS_POINT, MOUNTED, TELLING, read_logged, read_runs, read_stored
from faults import inflict
from history import Fault, History, Kind
from load import Load, Traffic

from lambdad.testing.server import LocalServer
from support.clients import ROLE, make_client
from support.functions import RUNTIME, DeployedFunction
from support.packages import make_zip
from support.waiting import wait_until

LEASE = 2  # seconds
STOPPED = 1.6 * LEASE
RECOVERS_WITHIN = 30.0
DRAINS_WITHIN = 120.0
TRAFFIC = (
    Traffic("reserved", 45, 0.02, reserved=4),
    Traffic("free", 50, 0.01),
    Traffic("failing", 4, 0.01, (("fail", True),)),
    Traffic("eating", 1, 0.0, (("eat", True),)),
)


def settings(history: Path) -> dict[str, Any]:
    """Of a server that a campaign is waged against."""
    return {
        "file_systems": f"{ACCESS_POINT}={history}",
        "event_lease": LEASE,
        "event_retry_delay": 1,
    }


def deploy(server: LocalServer, traffic: Iterable[Traffic]) -> None:
    """The functions that the events are for."""
    client = make_client("lambda", server.url)
    for each in traffic:
        created = client.create_function(
            FunctionName=each.function,
            Runtime=RUNTIME,
            Handler="app.handler",
            Role=ROLE,
            Code={"ZipFile": make_zip({"app.py": TELLING})},
            MemorySize=128,
            Timeout=10,
            FileSystemConfigs=[{"Arn": ACCESS_POINT, "LocalMountPath": MOUNTED}],
        )
        settled = DeployedFunction(client, None, created).wait_until_settled()
        assert settled["State"] == "Active", settled
        if each.reserved is not None:
            client.put_function_concurrency(
                FunctionName=each.function, ReservedConcurrentExecutions=each.reserved
            )
    client.close()


@dataclass(frozen=True, slots=True)
class Step:
    """A fault, and what the checker says after it."""

    fault: Fault
    recovered: float  # seconds until an event was accepted that was sent after the fault
    violations: list[Violation]


@dataclass(frozen=True, slots=True)
class Campaign:
    """Against one server, whose functions write to `directory`."""

    server: LocalServer
    directory: Path
    seed: int
    traffic: tuple[Traffic, ...] = TRAFFIC

    def load(self, *, clients: int = 4, rate: float) -> Load:
        """Clients of the functions, that together send so many events a second."""
        return Load(
            lambda: self.server.url, self.traffic, seed=self.seed, clients=clients, rate=rate
        )

    def observe(self, load: Load, faults: Iterable[Fault]) -> History:
        """All that is known now; in this order it may be asked while the server works."""
        sent = load.sent
        stored = read_stored(self.server.data_dir)
        runs = read_runs(self.directory)
        limits = {t.function: t.reserved for t in self.traffic if t.reserved is not None}
        return History(sent, stored, runs, tuple(faults), limits)

    def step(self, kind: Kind, load: Load, faults: list[Fault], random: Random) -> Step:
        """Inflict one fault, wait until events are accepted again, and look."""
        fault = wait_until(
            lambda: inflict(kind, self.server, random, stop_seconds=STOPPED), f"{kind.value}"
        )
        faults.append(fault)
        recovered = self.wait_until_recovered(load, fault)
        return Step(fault, recovered, find_violations(self.observe(load, faults)))

    def wait_until_recovered(self, load: Load, fault: Fault) -> float:
        """How long it took after the fault had begun."""
        since = fault.began if fault.kind.is_kill else fault.ended
        wait_until(
            lambda: load.has_accepted_since(since),
            f"events are accepted after {fault.kind.value}",
            timeout=RECOVERS_WITHIN,
        )
        first = min(
            sent.answered_at for sent in load.sent if sent.request_id and sent.sent_at > since
        )
        return first - since

    def finish(self, load: Load, faults: list[Fault]) -> History:
        """Send no more, wait until every event has its outcome, and stop the server."""
        load.stop()
        wait_until(
            lambda: not read_stored(self.server.data_dir).queued,
            "every event has its outcome",
            timeout=DRAINS_WITHIN,
        )
        ran = {run.function for run in read_runs(self.directory) if run.has_succeeded}
        logs = make_client("logs", self.server.url)
        logged = read_logged(logs, ran)
        logs.close()
        self.server.stop()
        return replace(self.observe(load, faults), logged=logged)


def pace(random: Random, seconds: float) -> None:
    """Let the server work between two faults: at random, so that they hit it at any moment."""
    time.sleep(random.uniform(0.5, 1.5) * seconds)


def wage(
    campaign: Campaign,
    kinds: Iterable[Kind],
    *,
    seconds: float,
    rate: float = 120,
    on_step: Callable[[Step, Load], None] = lambda step, load: None,
) -> tuple[History, list[Step]]:
    """Inflict all of these faults under load, so many seconds apart."""
    random = Random(campaign.seed)
    faults: list[Fault] = []
    steps: list[Step] = []
    with campaign.load(rate=rate) as load:
        wait_until(lambda: load.has_accepted_since(0), "events are accepted")
        for kind in kinds:
            pace(random, seconds)
            steps.append(campaign.step(kind, load, faults, random))
            on_step(steps[-1], load)
        pace(random, seconds)
        return campaign.finish(load, faults), steps


def wage_one(campaign: Campaign, kind: Kind, *, seconds: float) -> Step:
    """Inflict one fault so long after the load has begun, and do not wait for an end."""
    random = Random(campaign.seed)
    with campaign.load(rate=400) as load:
        wait_until(lambda: load.has_accepted_since(0), "events are accepted")
        pace(random, seconds)
        return campaign.step(kind, load, [], random)

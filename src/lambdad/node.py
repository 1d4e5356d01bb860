"""The composition root: every part of a node is built here, by hand, and nothing else knows all.

python -m lambdad.node LAUNCHER_SOCKET LISTENER CONFIG     (descriptors that it inherits)
"""

from __future__ import annotations

import gc

if __name__ == "__main__":
    # Until all is built: there is no garbage yet, and to look for it is a tenth of a start.
    gc.disable()

import asyncio
import json
import logging
import os
import re
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import uvloop

from lambdad import __version__
from lambdad.client.client import Client
from lambdad.clock import Clock, SteadyClock, SystemClock
from lambdad.config import Config
from lambdad.environment.class_archives import ClassArchives
from lambdad.environment.code import CodeStore
from lambdad.environment.environment import ExecutionEnvironment
from lambdad.environment.host_directories import LiveCode
from lambdad.environment.launcher_client import LauncherClient
from lambdad.environment.memory_watch import MemoryWatch
from lambdad.environment.preparation import Preparation
from lambdad.environment.sandbox import Surroundings
from lambdad.errors import PlatformError, SettingsError
from lambdad.gateway.app import Gateway, Operation
from lambdad.gateway.function_urls import FunctionUrls
from lambdad.gateway.models import enum_values, error_statuses
from lambdad.gateway.operator_routes import OperatorRoute
from lambdad.gateway.outbox import Outbox
from lambdad.gateway.server import MAX_CONNECTIONS, HttpServer
from lambdad.health import Health
from lambdad.invocation.dead_events import forget_dead_forever
from lambdad.invocation.deliverer import Deliverer
from lambdad.invocation.deliveries import Deliveries
from lambdad.invocation.dispatcher import Dispatcher
from lambdad.invocation.invoke import Invoker
from lambdad.invocation.lease import Leases
from lambdad.invocation.pool import Pool
from lambdad.invocation.processors import Processors
from lambdad.invocation.provisioner import Provisioner
from lambdad.invocation.try_event import EventTrier
from lambdad.launcher import packets
from lambdad.model import limits
from lambdad.model.caller import Caller
from lambdad.model.fate import longest_wait
from lambdad.model.metric_filter import MetricFilter
from lambdad.model.runtime import Interpreter, family_of, is_python
from lambdad.model.subscription_filter import SubscriptionFilter
from lambdad.observe.exposition import Exposition
from lambdad.observe.insights.queries import Queries
from lambdad.observe.log_store import LogStore
from lambdad.observe.observation import Observation
from lambdad.observe.overview import Overview
from lambdad.observe.trace_report import TraceReport
from lambdad.observe.usage_report import UsageReport, read_prices
from lambdad.services import cloudwatch, iam, lambda_, logs, sts, xray
from lambdad.store.alarm_history import AlarmHistory
from lambdad.store.blobs import Blobs
from lambdad.store.database import Database
from lambdad.store.event_queue import EventQueue
from lambdad.store.event_records import EventRecords
from lambdad.store.outbox import Outbox as EventOutbox
from lambdad.store.resources import Resources
from lambdad.store.secrets import Secrets

if TYPE_CHECKING:
    from lambdad.client.endpoint import Endpoint
    from lambdad.model.package_signature import Publishers

Operations = Mapping[tuple[str, str], Operation]

# Bytes; an Invoke that is somewhat too large is read, so that Lambda's own words answer it.
_BODY_LIMITS = {
    ("lambda", "CreateFunction"): limits.CREATE_FUNCTION_BODY,
    ("lambda", "UpdateFunctionCode"): limits.CREATE_FUNCTION_BODY,
    ("lambda", "PublishLayerVersion"): limits.CREATE_FUNCTION_BODY,
    ("lambda", "UpdateFunctionConfiguration"): limits.UPDATE_CONFIGURATION_BODY,
    ("lambda", "Invoke"): 2 * limits.REQUEST_PAYLOAD,
    ("lambda", "InvokeWithResponseStream"): 2 * limits.REQUEST_PAYLOAD,
}
_CONNECTIONS = 64  # of one environment to its AWS endpoint
_COLLECT_AFTER = 10_000  # objects; an invocation makes and drops some hundreds
DRAIN_SECONDS = 25.0
DELIVERY_DRAIN_SECONDS = 2.0  # what is not sent by then is sent after the next start
_DISK_RETRY_SECONDS = 1.0
SPARED_OF_CONCURRENCY = 10  # a tenth of it is not for the backlog of any one function
_REFUSED_TO_START = 2
_LAUNCHER_GONE = 3
_log = logging.getLogger(__name__)


def main() -> int:
    """Run a node until SIGTERM."""
    launcher_socket, listener, description = (int(text) for text in sys.argv[1:4])
    config = Config.from_descriptor(description)
    logging.basicConfig(
        level=config.log_level.upper(), format="lambdad: %(message)s", stream=sys.stderr
    )
    try:
        uvloop.run(
            serve(
                config,
                packets.from_descriptor(launcher_socket),
                socket.socket(fileno=listener),
            )
        )
    except (SettingsError, PlatformError) as error:
        print(f"lambdad: {error}", file=sys.stderr)
        return _REFUSED_TO_START
    return 0


async def serve(config: Config, launcher_socket: socket.socket, listener: socket.socket) -> None:
    """Build every part, say that it is ready, serve, drain."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    home = Path(config.data_dir) / "node"
    clock = SystemClock()
    async with AsyncExitStack() as parts:
        database = Database.open(home / "state.db")
        parts.callback(database.close)
        resources = await Resources.load(database)
        observation = await Observation.open(
            database,
            home / "logs",
            clock,
            lambda_.machine_architecture(),
            filters=partial(resources.all, MetricFilter),
            subscriptions=partial(resources.all, SubscriptionFilter),
            is_on=config.observe,
        )
        parts.push_async_callback(observation.close)
        log_store, emit = observation.logs, observation.recorder.emit
        insights = Queries(log_store, home / "insights", clock)
        parts.push_async_callback(insights.close)
        blobs = Blobs.open(home / "blobs")

        launcher = LauncherClient(launcher_socket, on_gone=_end_at_once)
        launcher.listen()
        interpreters = _in_order([Interpreter(**each) for each in launcher.hello.interpreters])
        code = CodeStore.open(home / "code", blobs)
        is_strict = config.runtimes == "strict"
        accepts_missing = config.missing_runtimes == "accept"
        can_mount = launcher.hello.sandbox != "process"
        archives = ClassArchives(code, launcher) if can_mount else None
        if archives is not None:
            parts.push_async_callback(archives.close)
        preparation = Preparation(
            code, launcher, interpreters, is_strict, accepts_missing, archives
        )
        live_code = LiveCode(launcher.look)
        memory_watch = MemoryWatch()
        watching = asyncio.create_task(memory_watch.watch_forever())
        parts.callback(watching.cancel)
        outbox = Outbox()  # of both sides: what one turn of the loop brings forth goes out together
        surroundings = Surroundings(launcher, clock, log_store.pressure, memory_watch, outbox.send)
        leases = Leases(config.concurrency, clock)
        pool = Pool(
            lambda version, on_end, initialization_type: ExecutionEnvironment(
                version,
                surroundings,
                find_place=preparation.find_place,
                clock=clock,
                emit=observation.recorder.record,
                take_segments=observation.recorder.record_segments,
                serve_endpoint=lambda environment, endpoint: server.listen(
                    endpoint, _caller(environment), max_connections=_CONNECTIONS
                ),
                on_end=on_end,
                freeze_after=config.freeze_after / 1000,
                initialization_type=initialization_type,
            ),
            clock=clock,
            idle_timeout=config.idle_timeout,
            room=config.concurrency,
            idle_memory=config.idle_memory << 20,
            admit=leases.admit_environment,
            stamp_code=live_code.stamp,
            emit=emit,
        )
        parts.push_async_callback(pool.close)
        provisioner = Provisioner(pool, clock)
        parts.push_async_callback(provisioner.close)
        invoker = Invoker(leases, pool, provisioner, clock, emit, config.stream_bandwidth << 20)
        steady_clock = SteadyClock()
        queue = await _open_queue(database, steady_clock, log_store, config, stop)
        dispatcher = Dispatcher(
            queue,
            try_event=EventTrier(
                invoker,
                find_target=lambda event: lambda_.find_target(control, event),
                clock=steady_clock,
                emit=emit,
                retry_seconds=config.event_retry_delay,
            ),
            admit=leases.admit_event,
            free=partial(leases.free, spare=_spare(config.concurrency)),
            clock=steady_clock,
            processors=Processors(),
            emit=emit,
            on_deliveries=lambda: deliveries.wake(),
            lease=config.event_lease,
        )
        control = lambda_.ControlPlane(
            resources=resources,
            blobs=blobs,
            preparation=preparation,
            invoker=invoker,
            events=dispatcher,
            clock=clock,
            link_key=await Secrets(database).secret("code-links"),
            interpreters=interpreters,
            known_runtimes=enum_values("lambda", "Runtime"),
            strict_runtimes=is_strict,
            accepts_missing_runtimes=accepts_missing,
            signing_profiles=_certificates(config.signing_profiles),
            concurrency=config.concurrency,
            check_roles=config.check_roles,
            objects=_objects(config, parts),
            code_storage=config.code_storage << 20,
            file_systems=frozenset(config.file_systems),
            can_mount=can_mount,
            egress=config.egress if can_mount else "host",
            find_live_code=live_code.find,
            emit=emit,
        )
        parts.push_async_callback(control.changes.stop)
        sessions = sts.Sessions(resources, clock)
        watched = cloudwatch.CloudWatch(
            resources, observation.metrics, log_store, AlarmHistory(database), clock
        )
        logged = logs.Logs(log_store, resources, clock)
        traced = xray.XRay(observation.traces, clock)
        exporter = logs.Exporter(logged)
        operations = _operations(control, watched, logged, insights, exporter, sessions, traced)
        client = Client(
            operations, endpoint_url=_own_url(listener), endpoints=_endpoints(config, parts)
        )
        exporter.reach_through(client)
        deliveries = Deliveries(
            EventOutbox(database),
            deliver=Deliverer(client).deliver,
            clock=steady_clock,
            emit=emit,
        )
        records = EventRecords(database)
        health = Health(pool, leases, dispatcher, log_store, database, launcher)
        totals = observation.recorder.totals
        operator_routes: dict[str, OperatorRoute] = {
            **lambda_.event_routes(records, dispatcher, steady_clock),
            **lambda_.runtime_routes(control),
            "GET /metrics": Exposition(totals, health.gauges).show,
            "GET /_lambdad/metrics": totals.show,
            "GET /_lambdad/top": Overview(totals, health.environments).show,
            "GET /_lambdad/usage": UsageReport(
                observation.ledger, log_store, read_prices(config.prices), clock
            ).show,
            "GET /_lambdad/trace": TraceReport(observation.traces).show,
        }
        server = HttpServer(_gateway(control, operations, sessions, operator_routes), outbox)
        parts.callback(server.close)
        await lambda_.resume(control)  # what is reserved holds from the first request on
        front_door = await server.listen(
            listener,
            tls=config.tls_context(),
            max_connections=max(MAX_CONNECTIONS, 2 * config.concurrency),
        )
        work = [
            pool.expire_forever(),
            health.measure_forever(emit),
            observation.journal.settle_forever(log_store),
            observation.metrics.age_forever(),
            logs.expire_forever(logged, observation.traces.cutoffs),
            cloudwatch.AlarmWatch(watched).run(),
            cloudwatch.AlarmActions(watched, client).run(),
            exporter.run(),
            logs.SubscriptionFeed(logged, database, dispatcher).run(),
            dispatcher.run(),
            lambda_.remove_forever(control),
            forget_dead_forever(records, steady_clock, config.dead_event_days * 86_400),
        ]
        if config.otlp_endpoint:
            work.append(health.export_forever(config.otlp_endpoint, totals))
        for each in work:
            parts.callback(asyncio.create_task(each).cancel)
        delivering = asyncio.create_task(deliveries.run())
        parts.callback(delivering.cancel)
        _settle_memory()
        _say_ready(listener, launcher, interpreters, config)
        await stop.wait()
        await asyncio.gather(front_door.drain(DRAIN_SECONDS), dispatcher.drain(DRAIN_SECONDS))
        delivering.cancel()
        await deliveries.drain(DELIVERY_DRAIN_SECONDS)


def _spare(concurrency: int) -> int:
    """How much of an account's concurrency is not for any one backlog: a tenth, but at least one
    if there are two."""
    return min(concurrency - 1, max(1, concurrency // SPARED_OF_CONCURRENCY))


async def _open_queue(
    database: Database, clock: Clock, log_store: LogStore, config: Config, stop: asyncio.Event
) -> EventQueue:
    """The queue, as soon as the disk has room for it: to end would end the launcher after some
    times."""
    while True:
        try:
            return await EventQueue.open(
                database,
                clock,
                make_logs_durable=partial(asyncio.to_thread, log_store.flush),
                lease=config.event_lease,
                longest_wait=longest_wait(config.event_retry_delay),
            )
        except PlatformError as error:
            _log.error("%s Trying again.", error)
        try:
            await asyncio.wait_for(stop.wait(), _DISK_RETRY_SECONDS)
        except TimeoutError:
            continue
        raise PlatformError("It was stopped before the disk had room for events.")


def _objects(config: Config, parts: AsyncExitStack) -> lambda_.ObjectStore | None:
    if "s3" not in config.service_urls:
        return None
    # Only here: its botocore would cost every start some 30 ms.
    from lambdad.client.object_store import ObjectStore

    objects = ObjectStore(config.service_urls["s3"])
    parts.callback(objects.close)
    return objects


def _endpoints(config: Config, parts: AsyncExitStack) -> dict[str, Endpoint]:
    """Of the services that are elsewhere."""
    if not config.service_urls:
        return {}
    from lambdad.client.endpoint import Endpoint  # as above

    endpoints = {service: Endpoint(service, url) for service, url in config.service_urls.items()}
    for endpoint in endpoints.values():
        parts.callback(endpoint.close)
    return endpoints


def _caller(environment: ExecutionEnvironment) -> Caller:
    version = environment.version
    return Caller(
        account_id=version.account_id,
        region=version.region,
        access_key_id=environment.credentials.access_key_id,
        environment_id=environment.id,
        role=version.role,
        session_name=version.name,
    )


def _operations(
    control: lambda_.ControlPlane,
    watched: cloudwatch.CloudWatch,
    logged: logs.Logs,
    insights: Queries,
    exporter: logs.Exporter,
    sessions: sts.Sessions,
    traced: xray.XRay,
) -> Operations:
    """Every operation of the services that are served."""
    return {
        **lambda_.operations(control),
        **iam.operations(iam.Iam(control.resources, control.clock)),
        **sts.operations(sessions),
        **logs.operations(logged, insights, exporter),
        **cloudwatch.operations(watched),
        **xray.operations(traced),
    }


def _gateway(
    control: lambda_.ControlPlane,
    operations: Operations,
    sessions: sts.Sessions,
    operator_routes: Mapping[str, OperatorRoute],
) -> Gateway:
    """The services that are served, and our own paths beside them."""
    return Gateway(
        operations,
        body_limits=_BODY_LIMITS,
        identify=partial(sts.identify, sessions),
        excepted_shapes={("lambda", "Runtime")},  # AWS has another error for this one
        routes={
            "/_lambdad/health": partial(_health, control.interpreters),
            "/_lambdad/code/": partial(lambda_.download, control),
        },
        operator_routes=operator_routes,
        urls=FunctionUrls(
            partial(lambda_.answer_url, control, partial(sts.user_id, control.resources)),
            find_key=partial(sts.find_signing_key, sessions),
            identify=partial(sts.identify, sessions),
            now=control.clock.now,
            statuses=error_statuses("lambda"),
        ),
    )


def _certificates(profiles: Mapping[str, str]) -> Publishers:
    """The certificates of each signing profile's version."""
    if not profiles:
        return {}
    # Only here: most servers have no need of it, and it makes each start slower.
    from lambdad.model.package_signature import read_certificates

    found = {}
    for arn, file in profiles.items():
        try:
            found[arn] = read_certificates(Path(file).read_bytes())
        except (OSError, ValueError) as error:
            raise SettingsError(
                f"Setting signing_profiles: {file} holds no certificates in PEM: {error}"
            ) from None
    return found


async def _health(
    interpreters: Sequence[Interpreter],
    path: str,
    query: Mapping[str, str],
    headers: Mapping[str, str],
) -> tuple[int, dict[str, str], bytes]:
    runtimes = [interpreter.name for interpreter in interpreters]
    status = {"status": "ready", "version": __version__, "runtimes": runtimes}
    body = json.dumps(status).encode()
    return 200, {"content-type": "application/json"}, body


def _in_order(interpreters: list[Interpreter]) -> list[Interpreter]:
    """Python first, and by version: python3.9 comes before python3.10."""
    return sorted(interpreters, key=_place_in_order)


def _place_in_order(interpreter: Interpreter) -> tuple[bool, str, list[int]]:
    numbers = [int(number) for number in re.findall(r"\d+", interpreter.version)]
    return not is_python(interpreter.name), family_of(interpreter.name), numbers


def _settle_memory() -> None:
    """What has been built lives as long as the node: the garbage collector need not look at it
    again and again while invocations come and go, nor now."""
    gc.freeze()
    gc.set_threshold(_COLLECT_AFTER, 20, 50)
    gc.enable()


def _end_at_once() -> None:
    """The launcher is gone, and with it every sandbox: nothing is left to be done in order."""
    os._exit(_LAUNCHER_GONE)


def _own_url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _say_ready(
    listener: socket.socket,
    launcher: LauncherClient,
    interpreters: list[Interpreter],
    config: Config,
) -> None:
    if launcher.hello.sandbox == "process":
        print(
            "lambdad: WARNING: functions run WITHOUT isolation (sandbox process): they see this "
            "machine's files and network. Run only code that you trust.",
            file=sys.stderr,
        )
    names = ", ".join(interpreter.name for interpreter in interpreters) or "no runtime found"
    url = _own_url(listener)
    both = f"{url} and {url.replace('http', 'https', 1)}" if config.tls_cert else url
    print(
        f"lambdad {__version__} is ready at {both} "
        f"({launcher.hello.sandbox}; {names}; state in {config.data_dir})",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())

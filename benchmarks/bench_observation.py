"""What it costs to observe, and how fast what was observed is told.

warm invoke      with metrics and usage, and without, in turns
GetMetricData    a day of 10 metrics by the minute, answered over HTTP
alarms           from the end of a period to the alarm's state
"""

from __future__ import annotations

import json
import time
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from time import perf_counter
from typing import Any

import boto3
from botocore.config import Config

from benchmarks.report import Result
from benchmarks.run import Run
from benchmarks.server import Server, running_lambdad
from benchmarks.workload import Connection, api_request, check, invoke_request, open_connections

_MEMORY_MB = 1769
_ROUNDS = 50  # of each order in which they are started
_METRICS = 10
_MINUTES = 24 * 60
_AT_ONCE = 500  # values of a PutMetricData
_PERIOD = 10
_ALARMS = 5
_PATIENCE = 60.0
_TARGET = "GraniteServiceVersion20100801.GetMetricData"


def measure(run: Run) -> list[Result]:
    """A row for each; the cost of observing is the ratio of two medians, round by round."""
    with running_lambdad() as (server, _):
        told, fired = _metric_data(run, server), _alarms(run, server)
    return [*_cost(run), told, fired]


def _cost(run: Run) -> list[Result]:
    """Each is started first once: of two alike, who was started first took 4 to 6 % longer."""
    samples: dict[str, list[float]] = {"on": [], "off": []}
    ratios: list[float] = []
    exchanges = max(20, run.effort.exchanges // 10)
    orders = [("on", "off"), ("off", "on")]
    title = "Warm invocations, observed and not"
    with run.steps(title, _ROUNDS * len(orders)) as steps:
        for order in orders:
            with ExitStack() as stack:
                lines = {state: _warm_line(stack, state, exchanges) for state in order}
                for number in range(_ROUNDS):
                    medians = {}
                    for state in order if number % 2 else reversed(order):
                        taken = [_exchange_ms(*lines[state]) for _ in range(exchanges)]
                        samples[state] += taken
                        medians[state] = sorted(taken)[len(taken) // 2]
                    ratios.append(medians["on"] / medians["off"])
                    steps.done()
    conditions = {"memory_mb": _MEMORY_MB, "connections": 1}
    rows = [
        Result("warm invoke", "ms", samples[state], {**conditions, "observe": state})
        for state in samples
    ]
    promise = "P160: p50 <= 1.15 x"
    return [*rows, Result("warm invoke, observed", "x", ratios, conditions, promise)]


def _warm_line(stack: ExitStack, state: str, exchanges: int) -> tuple[Connection, bytes]:
    """A connection to a server of its own with a warm function, and a request for it."""
    flag = "--observe" if state == "on" else "--no-observe"
    server, functions = stack.enter_context(running_lambdad(flag))
    request = invoke_request(functions.deploy("trivial", _MEMORY_MB))
    connection = stack.enter_context(open_connections(server.address, 1))[0]
    for _ in range(exchanges):
        check(connection.exchange(request))
    return connection, request


def _exchange_ms(connection: Connection, request: bytes) -> float:
    started = perf_counter()
    response = connection.exchange(request)
    elapsed = (perf_counter() - started) * 1000
    check(response)
    return elapsed


def _metric_data(run: Run, server: Server) -> Result:
    client = _client(server)
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    names = [f"Metric{number}" for number in range(_METRICS)]
    with run.steps("Putting a day of metrics", _METRICS) as steps:
        for name in names:
            data = [
                {"MetricName": name, "Value": minute, "Timestamp": now - timedelta(minutes=minute)}
                for minute in range(1, _MINUTES + 1)
            ]
            for first in range(0, len(data), _AT_ONCE):
                client.put_metric_data(Namespace="Bench", MetricData=data[first : first + _AT_ONCE])
            steps.done()
    request = _get_metric_data(names, now)
    samples = []
    with (
        open_connections(server.address, 1) as (connection,),
        run.steps("GetMetricData, a day of 10 metrics", run.effort.samples) as steps,
    ):
        for _ in range(run.effort.samples):
            started = perf_counter()
            response = check(connection.exchange(request))
            samples.append((perf_counter() - started) * 1000)
            results = json.loads(response.body)["MetricDataResults"]
            assert [len(each["Values"]) for each in results] == [_MINUTES] * _METRICS
            steps.done()
    conditions = {"metrics": _METRICS, "minutes": _MINUTES, "protocol": "json"}
    return Result("GetMetricData", "ms", samples, conditions, "P164: p50 <= 50 ms")


def _get_metric_data(names: list[str], now: datetime) -> bytes:
    queries = [
        {
            "Id": f"m{number}",
            "MetricStat": {
                "Metric": {"Namespace": "Bench", "MetricName": name},
                "Period": 60,
                "Stat": "Average",
            },
        }
        for number, name in enumerate(names)
    ]
    end = now.timestamp()
    body = {"MetricDataQueries": queries, "StartTime": end - _MINUTES * 60, "EndTime": end}
    headers = (f"X-Amz-Target: {_TARGET}", "Content-Type: application/x-amz-json-1.0")
    payload = json.dumps(body).encode()
    return api_request("POST", "/", payload, *headers, service="monitoring")


def _alarms(run: Run, server: Server) -> Result:
    """Each alarm watches a metric of its own, which crosses the threshold in the first second of a
    period; what counts is from the end of that period on."""
    client = _client(server)
    samples = []
    with run.steps("Alarms", _ALARMS) as steps:
        for number in range(_ALARMS):
            name = f"alarm{number}"
            client.put_metric_alarm(
                AlarmName=name,
                Namespace="Bench",
                MetricName=name,
                Statistic="Sum",
                Period=_PERIOD,
                EvaluationPeriods=1,
                Threshold=0.5,
                ComparisonOperator="GreaterThanThreshold",
                TreatMissingData="notBreaching",
            )
            time.sleep(_PERIOD - time.time() % _PERIOD)
            ends_at = time.time() // _PERIOD * _PERIOD + _PERIOD
            client.put_metric_data(
                Namespace="Bench",
                MetricData=[{"MetricName": name, "Value": 1.0, "StorageResolution": 1}],
            )
            samples.append(_fired_at(client, name) - ends_at)
            steps.done()
    conditions = {"period": _PERIOD}
    return Result("alarm after its period", "s", samples, conditions, "P165: p50 <= 5 s")


def _fired_at(client: Any, name: str) -> float:
    deadline = time.time() + _PATIENCE
    while time.time() < deadline:
        (alarm,) = client.describe_alarms(AlarmNames=[name])["MetricAlarms"]
        if alarm["StateValue"] == "ALARM":
            return float(alarm["StateTransitionedTimestamp"].timestamp())
        time.sleep(0.1)
    raise OSError(f"The alarm {name} does not go off.")


def _client(server: Server) -> Any:
    return boto3.client(
        "cloudwatch",
        endpoint_url=server.url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"total_max_attempts": 1}),
    )

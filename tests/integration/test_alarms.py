"""As an operator I am told when a metric crosses a threshold, by a function of mine."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lambdad.testing.server import LocalServer
from support.clients import make_client
from support.functions import DeployedFunction
from support.waiting import wait_until

MakeFunction = Callable[..., DeployedFunction]
pytestmark = pytest.mark.slow

PRINTS_ITS_EVENT = "import json\ndef handler(event, context):\n    print(json.dumps(event))\n"


@pytest.fixture
def cloudwatch(server: LocalServer) -> Iterator[Any]:
    client = make_client("cloudwatch", server.url)
    yield client
    names = [each["AlarmName"] for each in alarms(client)]
    for name in sorted(names, reverse=True):  # composite ones are named so that they come first
        client.delete_alarms(AlarmNames=[name])
    client.close()


def alarms(client: Any, **query: Any) -> list[dict[str, Any]]:
    found = client.describe_alarms(AlarmTypes=["MetricAlarm", "CompositeAlarm"], **query)
    return [*found["MetricAlarms"], *found["CompositeAlarms"]]


def alarm(client: Any, name: str) -> dict[str, Any]:
    (found,) = alarms(client, AlarmNames=[name])
    return found


def state(client: Any, name: str) -> str:
    return str(alarm(client, name)["StateValue"])


def put_value(client: Any, name: str, value: float, minutes_ago: int = 2) -> None:
    at = datetime.now(UTC) - timedelta(minutes=minutes_ago)
    datum = {"MetricName": name, "Value": value, "Timestamp": at}
    client.put_metric_data(Namespace="Alarms", MetricData=[datum])


def put_alarm(client: Any, name: str, metric: str, **changes: Any) -> None:
    settings = {
        "Namespace": "Alarms",
        "MetricName": metric,
        "Statistic": "Maximum",
        "Period": 60,
        "EvaluationPeriods": 3,
        "DatapointsToAlarm": 1,
        "Threshold": 10,
        "ComparisonOperator": "GreaterThanThreshold",
    }
    client.put_metric_alarm(AlarmName=name, **{**settings, **changes})


def test_an_alarm_invokes_a_function_with_awss_event(
    server: LocalServer, cloudwatch: Any, make_function: MakeFunction
) -> None:
    # Given a metric that is too high, and an alarm on it
    function = make_function(source=PRINTS_ITS_EVENT)
    arn = function.client.get_function(FunctionName=function.name)["Configuration"]["FunctionArn"]
    put_value(cloudwatch, "Load", 17)
    put_alarm(cloudwatch, "load", "Load", AlarmActions=[arn], AlarmDescription="too much")
    wait_until(lambda: state(cloudwatch, "load") == "ALARM", "the alarm goes off")
    # Then the function hears of it
    logs = make_client("logs", server.url)

    def events() -> list[dict[str, Any]]:
        try:
            found = logs.filter_log_events(
                logGroupName=f"/aws/lambda/{function.name}", filterPattern="alarmArn"
            )
        except ClientError:
            return []
        return [json.loads(each["message"]) for each in found["events"]]

    wait_until(lambda: len(events()) == 1, "the function was invoked")
    (event,) = events()
    logs.close()
    described = alarm(cloudwatch, "load")
    assert (event["source"], event["alarmArn"]) == ("aws.cloudwatch", described["AlarmArn"])
    data = event["alarmData"]
    assert (data["state"]["value"], data["previousState"]["value"]) == (
        "ALARM",
        "INSUFFICIENT_DATA",
    )
    assert data["configuration"]["metrics"][0]["metricStat"]["stat"] == "Maximum"
    assert "17.0" in described["StateReason"]
    # And its history tells it
    wait_until(
        lambda: (
            "Action"
            in {
                each["HistoryItemType"]
                for each in cloudwatch.describe_alarm_history(AlarmName="load")["AlarmHistoryItems"]
            }
        ),
        "the action is in the history",
    )
    history = cloudwatch.describe_alarm_history(AlarmName="load")["AlarmHistoryItems"]
    assert [each["HistoryItemType"] for each in history] == [
        "Action",
        "StateUpdate",
        "ConfigurationUpdate",
    ]


def test_an_alarm_on_an_expression_watches_what_is_computed(cloudwatch: Any) -> None:
    put_value(cloudwatch, "Errors", 3)
    put_value(cloudwatch, "Requests", 4)
    queries = [
        {
            "Id": id,
            "ReturnData": False,
            "MetricStat": {
                "Metric": {"Namespace": "Alarms", "MetricName": name},
                "Period": 60,
                "Stat": "Sum",
            },
        }
        for id, name in (("m1", "Errors"), ("m2", "Requests"))
    ]
    cloudwatch.put_metric_alarm(
        AlarmName="rate",
        Metrics=[*queries, {"Id": "e1", "Expression": "100 * m1 / m2", "Label": "rate"}],
        EvaluationPeriods=3,
        DatapointsToAlarm=1,
        Threshold=50,
        ComparisonOperator="GreaterThanThreshold",
    )
    wait_until(lambda: state(cloudwatch, "rate") == "ALARM", "the alarm goes off")
    assert "75.0" in alarm(cloudwatch, "rate")["StateReason"]


def test_a_composite_alarm_follows_its_alarms(cloudwatch: Any) -> None:
    put_value(cloudwatch, "High", 17)
    put_value(cloudwatch, "Low", 1)
    put_alarm(cloudwatch, "high", "High")
    put_alarm(cloudwatch, "low", "Low")
    cloudwatch.put_composite_alarm(AlarmName="z-both", AlarmRule="ALARM(high) AND ALARM(low)")
    cloudwatch.put_composite_alarm(AlarmName="z-either", AlarmRule="ALARM(high) OR ALARM(low)")
    wait_until(lambda: state(cloudwatch, "z-either") == "ALARM", "one of them is enough")
    wait_until(lambda: state(cloudwatch, "z-both") == "OK", "the other one is not there")
    # And none that it depends on can be deleted
    with pytest.raises(ClientError, match="depend on it"):
        cloudwatch.delete_alarms(AlarmNames=["high"])
    with pytest.raises(ClientError, match="do not exist"):
        cloudwatch.put_composite_alarm(AlarmName="z-none", AlarmRule="ALARM(nothing)")
    with pytest.raises(ClientError, match="own alarm"):
        cloudwatch.put_composite_alarm(AlarmName="z-both", AlarmRule="ALARM(z-both)")


def test_a_state_can_be_set_by_hand_and_survives_a_restart(tmp_path: Path) -> None:
    with LocalServer(tmp_path) as server:
        client = make_client("cloudwatch", server.url)
        put_alarm(client, "quiet", "Nothing", TreatMissingData="ignore")
        client.disable_alarm_actions(AlarmNames=["quiet"])
        client.set_alarm_state(AlarmName="quiet", StateValue="ALARM", StateReason="a test")
        server.kill()
        client.close()
    with LocalServer(tmp_path) as server:
        client = make_client("cloudwatch", server.url)
        found = alarm(client, "quiet")
        assert (found["StateValue"], found["StateReason"]) == ("ALARM", "a test")
        assert found["ActionsEnabled"] is False
        client.enable_alarm_actions(AlarmNames=["quiet"])
        assert alarm(client, "quiet")["ActionsEnabled"] is True
        found = client.describe_alarms_for_metric(Namespace="Alarms", MetricName="Nothing")
        assert [each["AlarmName"] for each in found["MetricAlarms"]] == ["quiet"]
        client.close()


def test_an_action_that_cannot_be_done_is_told_in_the_history(cloudwatch: Any) -> None:
    put_alarm(cloudwatch, "deaf", "None", AlarmActions=["arn:aws:automate:us-east-1:ec2:stop"])
    cloudwatch.set_alarm_state(AlarmName="deaf", StateValue="ALARM", StateReason="a test")

    def summaries() -> str:
        items = cloudwatch.describe_alarm_history(AlarmName="deaf", HistoryItemType="Action")
        return " ".join(each["HistorySummary"] for each in items["AlarmHistoryItems"])

    wait_until(lambda: "does not support the action" in summaries(), "the failure is told")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"ComparisonOperator": "GreaterThanUpperThreshold"}, "anomaly"),
        ({"Period": 7}, "multiple of 60"),
        ({"DatapointsToAlarm": 4}, "must not be greater"),
        ({"EvaluationPeriods": 2000}, "more than 1 day"),
        ({"TreatMissingData": "maybe"}, "TreatMissingData"),
        ({"ExtendedStatistic": "p99"}, "Exactly one"),
        ({"Dimensions": [{"Name": "Page", "Value": "a"}] * 2}, "given twice"),
    ],
)
def test_what_cannot_be_watched_is_refused(
    cloudwatch: Any, changes: dict[str, Any], says: str
) -> None:
    with pytest.raises(ClientError, match=says):
        put_alarm(cloudwatch, "bad", "Load", **changes)
    assert alarms(cloudwatch) == []

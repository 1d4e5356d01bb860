"""From a method and a path to an operation."""

from __future__ import annotations

import re

import pytest
from botocore.model import ServiceModel

from lambdad.gateway.models import load_service_model
from lambdad.gateway.uri_table import UriTable

LAMBDA = load_service_model("lambda")
TABLE = UriTable(LAMBDA)


@pytest.mark.parametrize("name", LAMBDA.operation_names)
@pytest.mark.parametrize("end", ["", "/"])
def test_the_uri_of_every_operation_leads_to_it(name: str, end: str) -> None:
    http = LAMBDA.operation_model(name).http
    path, _, query = http["requestUri"].partition("?")
    labels = re.findall(r"{(\w+)}", path)
    for label in labels:
        path = path.replace(f"{{{label}}}", f"{label}%2Fx%3Ay")
    fields = {key: [value] for key, _, value in [query.partition("=")] if key}

    match = TABLE.find(http["method"], path + end, fields)

    assert match is not None
    assert match.operation == name
    assert match.labels == {label: f"{label}/x:y" for label in labels}


def test_a_wrong_method_is_told_the_right_ones() -> None:
    match = TABLE.find("PATCH", "/2015-03-31/functions/f", {})
    assert match is not None
    assert (match.operation, match.allowed) == (None, ("DELETE", "GET"))


@pytest.mark.parametrize("path", ["", "/", "//", "/2015-03-31", "/2015-03-31/functions/f/g/h"])
def test_a_path_of_nobody_leads_nowhere(path: str) -> None:
    assert TABLE.find("GET", path, {}) is None


def test_an_empty_label_is_a_label() -> None:
    match = TABLE.find("POST", "/2015-03-31/functions//invocations", {})
    assert match is not None
    assert (match.operation, match.labels) == ("Invoke", {"FunctionName": ""})


@pytest.mark.parametrize(
    ("method", "path", "operation", "labels"),
    [
        ("GET", "/bucket/a/b/c", "GetObject", {"Bucket": "bucket", "Key": "a/b/c"}),
        ("GET", "/bucket/a%2Fb", "GetObject", {"Bucket": "bucket", "Key": "a/b"}),
        ("GET", "/bucket", "ListObjects", {"Bucket": "bucket"}),
        ("GET", "/bucket/a/b/tags", "GetTags", {"Bucket": "bucket", "Key": "a/b"}),
    ],
)
def test_a_greedy_label_takes_many_segments(
    method: str, path: str, operation: str, labels: dict[str, str]
) -> None:
    uris = {
        "GetObject": "/{Bucket}/{Key+}",
        "ListObjects": "/{Bucket}",
        "GetTags": "/{Bucket}/{Key+}/tags",
    }
    operations = {
        name: {"name": name, "http": {"method": "GET", "requestUri": uri}}
        for name, uri in uris.items()
    }
    model = ServiceModel({"metadata": {}, "operations": operations, "shapes": {}}, "store")

    matches = [match for match in [UriTable(model).find(method, path, {})] if match]

    # The shortest rest after a greedy label is the most particular operation.
    assert [(match.operation, match.labels) for match in matches] == [(operation, labels)]

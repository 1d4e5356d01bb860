"""Resource-based policies: statements from parameters, documents, which principals there are."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lambdad.model.policy import PolicyDocument, permission_statement
from lambdad.model.principal import principal_element

ARN = "arn:aws:lambda:us-east-1:111111111111:function:f"


@pytest.mark.parametrize(
    ("principal", "element"),
    [
        ("*", "*"),
        ("222222222222", {"AWS": "arn:aws:iam::222222222222:root"}),
        ("arn:aws:iam::222222222222:root", {"AWS": "arn:aws:iam::222222222222:root"}),
        ("arn:aws:iam::222222222222:role/a/b", {"AWS": "arn:aws:iam::222222222222:role/a/b"}),
        (
            "arn:aws:sts::222222222222:assumed-role/a/b@c",
            {"AWS": "arn:aws:sts::222222222222:assumed-role/a/b@c"},
        ),
        ("sns.amazonaws.com", {"Service": "sns.amazonaws.com"}),
        ("logs.eu-central-1.amazonaws.com", {"Service": "logs.eu-central-1.amazonaws.com"}),
        ("alexa-appkit.amazon.com", {"Service": "alexa-appkit.amazon.com"}),
    ],
)
def test_a_principal_becomes_an_element(principal: str, element: Any) -> None:
    assert principal_element(principal) == element


@pytest.mark.parametrize(
    "principal",
    [
        *("", "12345", "1234567890123", "١٢٣٤٥٦٧٨٩٠١٢", "222222222222\n", "sns", "amazonaws.com"),
        *("sns.example.com", "arn:aws:iam::222222222222:role/*", "arn:aws:s3:::bucket"),
        *("arn:aws:iam::22222:root", ".amazonaws.com", "sns.amazonaws.com.example.com"),
    ],
)
def test_what_is_no_principal(principal: str) -> None:
    assert principal_element(principal) is None


def test_a_statement_without_conditions() -> None:
    request = {"StatementId": "s", "Action": "lambda:InvokeFunction"}
    assert permission_statement(request, "*", ARN) == {
        "Sid": "s",
        "Effect": "Allow",
        "Principal": "*",
        "Action": "lambda:InvokeFunction",
        "Resource": ARN,
    }


def test_each_parameter_becomes_a_condition() -> None:
    request = {
        "StatementId": "s",
        "Action": "lambda:InvokeFunctionUrl",
        "SourceArn": "arn:aws:s3:::bucket",
        "SourceAccount": "222222222222",
        "EventSourceToken": "token",
        "FunctionUrlAuthType": "NONE",
        "InvokedViaFunctionUrl": True,
        "PrincipalOrgID": "o-1234567890",
    }
    assert permission_statement(request, "*", ARN)["Condition"] == {
        "StringEquals": {
            "aws:PrincipalOrgID": "o-1234567890",
            "AWS:SourceAccount": "222222222222",
            "lambda:EventSourceToken": "token",
            "lambda:FunctionUrlAuthType": "NONE",
        },
        "Bool": {"lambda:InvokedViaFunctionUrl": "true"},
        "ArnLike": {"AWS:SourceArn": "arn:aws:s3:::bucket"},
    }


def test_a_document_is_compact_json_with_its_members_in_order() -> None:
    document = PolicyDocument().with_statement({"Sid": "a"}).with_statement({"Sid": "b"})
    assert document.text == (
        '{"Version":"2012-10-17","Id":"default","Statement":[{"Sid":"a"},{"Sid":"b"}]}'
    )
    assert json.loads(document.without("a").text)["Statement"] == [{"Sid": "b"}]
    assert document.find("b") == {"Sid": "b"}
    assert document.find("c") is None
    assert "Id" not in PolicyDocument(id=None).as_json()

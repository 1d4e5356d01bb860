"""Which policies let everybody in."""

from __future__ import annotations

from typing import Any

import pytest

from lambdad.model.policy import PolicyDocument
from lambdad.model.public_access import is_public


def public(**changes: Any) -> bool:
    statement = {"Effect": "Allow", "Principal": "*", **changes}
    return is_public(PolicyDocument(({"Effect": "Allow", "Principal": {"AWS": "1"}}, statement)))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"Principal": {"AWS": ["222222222222", "*"]}},
        {"Principal": None, "NotPrincipal": {"AWS": "222222222222"}},
        {"Condition": {"StringEquals": {"lambda:FunctionUrlAuthType": "NONE"}}},
        {"Condition": {"StringEquals": {"aws:username": "ann"}}},
        {"Condition": {"StringNotEquals": {"aws:SourceAccount": "222222222222"}}},
        {"Condition": {"StringEqualsIfExists": {"aws:SourceAccount": "222222222222"}}},
        {"Condition": {"ForAllValues:StringEquals": {"aws:PrincipalOrgID": "o-1234567890"}}},
        {"Condition": {"StringLike": {"aws:SourceAccount": "*"}}},
        {"Condition": {"StringLike": {"aws:SourceAccount": ["222222222222", "2*"]}}},
        {"Condition": {"StringEquals": {"aws:PrincipalOrgID": "${aws:PrincipalOrgID}"}}},
        {"Condition": {"ArnLike": {"aws:SourceArn": "arn:aws:s3:::*"}}},
        {"Condition": {"ArnLike": {"aws:SourceArn": "arn:aws:sqs:*:*:queue"}}},
        {"Condition": {"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}}},
        {"Condition": {"IpAddress": {"aws:SourceIp": ["10.0.0.0/8", "128.0.0.0/1"]}}},
        {"Condition": {"IpAddress": {"aws:SourceIp": "::/0"}}},
        {"Condition": {"IpAddress": {"aws:SourceIp": "anywhere"}}},
    ],
)
def test_what_is_public(changes: dict[str, Any]) -> None:
    assert public(**changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"Effect": "Deny"},
        {"Principal": {"AWS": "arn:aws:iam::222222222222:root"}},
        {"Principal": {"Service": "sns.amazonaws.com"}},
        {"Condition": {"StringEquals": {"AWS:SourceAccount": "222222222222"}}},
        {"Condition": {"StringEquals": {"aws:PrincipalOrgID": ["o-1234567890", "o-0987654321"]}}},
        {"Condition": {"ArnLike": {"AWS:SourceArn": "arn:aws:s3:::bucket"}}},
        {"Condition": {"ArnLike": {"aws:SourceArn": "arn:aws:sqs:*:222222222222:*"}}},
        {"Condition": {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::222222222222:role/*"}}},
        {"Condition": {"IpAddress": {"aws:SourceIp": ["10.0.0.0/8", "2001:db8::/32", "1.2.3.4"]}}},
        {
            "Condition": {
                "StringLike": {"aws:username": "*"},
                "StringEquals": {"aws:SourceVpc": "vpc-1"},
            }
        },
    ],
)
def test_what_is_not_public(changes: dict[str, Any]) -> None:
    assert not public(**changes)

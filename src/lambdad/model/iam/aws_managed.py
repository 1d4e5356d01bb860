"""AWS's own managed policies, as far as their documents are known here.

They are public facts; these are the ones that functions commonly have. Of any other only the name
is known.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import MappingProxyType

_LOGS = ("logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents")

_STATEMENTS: Mapping[str, tuple[dict[str, object], ...]] = MappingProxyType(
    {
        "AWSLambdaExecute": (
            {"Effect": "Allow", "Action": ["logs:*"], "Resource": "arn:aws:logs:*:*:*"},
            {
                "Effect": "Allow",
                "Action": ["s3:GetObject", "s3:PutObject"],
                "Resource": "arn:aws:s3:::*",
            },
        ),
        "AWSXRayDaemonWriteAccess": (
            {
                "Effect": "Allow",
                "Action": [
                    "xray:PutTraceSegments",
                    "xray:PutTelemetryRecords",
                    "xray:GetSamplingRules",
                    "xray:GetSamplingTargets",
                    "xray:GetSamplingStatisticSummaries",
                ],
                "Resource": ["*"],
            },
        ),
        "AdministratorAccess": ({"Effect": "Allow", "Action": "*", "Resource": "*"},),
        "service-role/AWSLambdaBasicExecutionRole": (
            {"Effect": "Allow", "Action": [*_LOGS], "Resource": "*"},
        ),
        "service-role/AWSLambdaDynamoDBExecutionRole": (
            {
                "Effect": "Allow",
                "Action": [
                    "dynamodb:DescribeStream",
                    "dynamodb:GetRecords",
                    "dynamodb:GetShardIterator",
                    "dynamodb:ListStreams",
                    *_LOGS,
                ],
                "Resource": "*",
            },
        ),
        "service-role/AWSLambdaKinesisExecutionRole": (
            {
                "Effect": "Allow",
                "Action": [
                    "kinesis:DescribeStream",
                    "kinesis:DescribeStreamSummary",
                    "kinesis:GetRecords",
                    "kinesis:GetShardIterator",
                    "kinesis:ListShards",
                    "kinesis:ListStreams",
                    "kinesis:SubscribeToShard",
                    *_LOGS,
                ],
                "Resource": "*",
            },
        ),
        "service-role/AWSLambdaRole": (
            {"Effect": "Allow", "Action": ["lambda:InvokeFunction"], "Resource": ["*"]},
        ),
        "service-role/AWSLambdaSQSQueueExecutionRole": (
            {
                "Effect": "Allow",
                "Action": [
                    "sqs:ReceiveMessage",
                    "sqs:DeleteMessage",
                    "sqs:GetQueueAttributes",
                    *_LOGS,
                ],
                "Resource": "*",
            },
        ),
        "service-role/AWSLambdaVPCAccessExecutionRole": (
            {
                "Effect": "Allow",
                "Action": [
                    *_LOGS,
                    "ec2:CreateNetworkInterface",
                    "ec2:DescribeNetworkInterfaces",
                    "ec2:DescribeSubnets",
                    "ec2:DeleteNetworkInterface",
                    "ec2:AssignPrivateIpAddresses",
                    "ec2:UnassignPrivateIpAddresses",
                ],
                "Resource": "*",
            },
        ),
    }
)

PREFIX = "arn:aws:iam::aws:policy/"

# Documents by ARN.
DOCUMENTS: Mapping[str, str] = MappingProxyType(
    {
        PREFIX + name: json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
        for name, statements in _STATEMENTS.items()
    }
)

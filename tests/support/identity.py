"""IAM and STS on a real store, asked by whoever a test wants."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from lambdad.clock import FakeClock
from lambdad.model.caller import Caller, RequestContext
from lambdad.services import iam, sts
from lambdad.store.database import Database
from lambdad.store.resources import Resources

ACCOUNT = "123456789012"
REGION = "eu-central-1"
ALLOWED = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"},
    }
)
TRUSTING = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "lambda.amazonaws.com"},
                "Action": "sts:AssumeRole",
            }
        ],
    }
)


@dataclass(frozen=True)
class Identity:
    """IAM and STS, and a way to call an operation of them."""

    iam: iam.Iam
    sessions: sts.Sessions
    clock: FakeClock

    @property
    def resources(self) -> Resources:
        return self.iam.resources

    async def __call__(
        self,
        operation: str,
        *,
        account_id: str = ACCOUNT,
        region: str = REGION,
        key: str | None = None,
        caller: Caller | None = None,
        **request: Any,
    ) -> dict[str, Any]:
        """Call an operation as an account, as the owner of a key, or as any caller."""
        if key is not None:
            caller = sts.identify(self.sessions, key, region)
        caller = caller or Caller(account_id, region)
        table = {**iam.operations(self.iam), **sts.operations(self.sessions)}
        service = "iam" if ("iam", operation) in table else "sts"
        context = RequestContext("r-1", service, operation, caller, "http://127.0.0.1:4566")
        return dict(await table[service, operation](context, request))

    async def create_role(self, name: str = "orders", **request: Any) -> dict[str, Any]:
        """A role that trusts Lambda."""
        plain = {"RoleName": name, "AssumeRolePolicyDocument": TRUSTING}
        answer = await self("CreateRole", **{**plain, **request})
        role: dict[str, Any] = answer["Role"]
        return role

    async def create_policy(self, name: str = "reading", **request: Any) -> str:
        """A managed policy; its ARN."""
        plain = {"PolicyName": name, "PolicyDocument": ALLOWED}
        answer = await self("CreatePolicy", **{**plain, **request})
        return str(answer["Policy"]["Arn"])


async def open_identity(database: Database) -> Identity:
    """IAM and STS on `database`."""
    clock, resources = FakeClock(), await Resources.load(database)
    return Identity(iam.Iam(resources, clock), sts.Sessions(resources, clock), clock)

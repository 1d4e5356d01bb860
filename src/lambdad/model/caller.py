"""Who asks, and what they asked: what a request carries besides its parameters."""

from __future__ import annotations

from dataclasses import dataclass

from lambdad.arn import caller_arn


@dataclass(frozen=True, slots=True)
class Caller:
    """Identity of a request. A request that another account's policy has granted is performed in
    that account: `account_id` is then the account's, `role` and `user` are still the caller's.

    `environment_id` is set when the request came in on an execution environment's own listener:
    account, region and role are then the environment's, whatever the function signed with.
    A session of a role has `role` (its ARN) and `session_name`; a user of IAM, or a federated one,
    has `user` (its ARN); who has neither is the account itself. `principal_id` is the unique id
    that AWS tells of them.
    """

    account_id: str
    region: str
    access_key_id: str | None = None
    environment_id: str | None = None
    role: str | None = None
    session_name: str | None = None
    user: str | None = None
    principal_id: str | None = None

    @property
    def arn(self) -> str:
        """Who it is, as policies and messages name it."""
        return self.user or caller_arn(self.account_id, self.role, self.session_name)


@dataclass(frozen=True, slots=True)
class RequestContext:
    """One request on its way to an operation.

    `endpoint_url` is the address that the client used (`http://127.0.0.1:4566`), for links that
    lead back here. `trace_header` is the X-Ray header that came with it.
    """

    request_id: str
    service: str
    operation: str
    caller: Caller
    endpoint_url: str
    trace_header: str = ""

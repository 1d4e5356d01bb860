"""Which managed policy an ARN means, and who uses it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from lambdad.errors import ClientError
from lambdad.model.caller import RequestContext
from lambdad.model.iam.arns import IamArn, parse_iam_arn
from lambdad.model.iam.group import Group
from lambdad.model.iam.managed_policy import ManagedPolicy
from lambdad.model.iam.role import Role
from lambdad.model.iam.user import User
from lambdad.services.iam.entities import POLICY, Bearer
from lambdad.services.iam.errors import invalid_input, no_such_entity
from lambdad.services.iam.iam import Iam

AWS = "aws"


def parse_policy_arn(text: str) -> IamArn:
    """The parts of a policy's ARN."""
    arn = parse_iam_arn(text)
    if arn is None or arn.kind != "policy":
        raise invalid_input(f"ARN {text} is not valid.")
    return arn


def find_policy(iam: Iam, context: RequestContext, arn: str) -> ManagedPolicy | None:
    """The caller's policy with this ARN; None stands for one of AWS's own."""
    return None if parse_policy_arn(arn).account_id == AWS else find_own_policy(iam, context, arn)


def find_own_policy(iam: Iam, context: RequestContext, arn: str) -> ManagedPolicy:
    """The caller's policy with this ARN; AWS's own are nobody's to change."""
    parts, account_id = parse_policy_arn(arn), context.caller.account_id
    if parts.account_id != account_id:
        raise ClientError("AccessDeniedException", "Policy is outside your own account.")
    policy = iam.resources.find(ManagedPolicy, account_id, "", parts.name.lower())
    if policy is None or policy.arn != arn:
        raise no_such_entity(POLICY.missing.format(arn))
    return policy


def check_attachable(iam: Iam, context: RequestContext, arn: str) -> None:
    """Refuse a policy that is not there. Of AWS's own every name is taken."""
    try:
        find_policy(iam, context, arn)
    except ClientError as error:
        if error.code != "NoSuchEntityException":
            raise
        raise no_such_entity(f"Policy {arn} does not exist or is not attachable.") from None


def bearers(iam: Iam, account_id: str) -> Iterator[Bearer]:
    """Everybody in an account who may have policies."""
    yield from iam.resources.list(Group, account_id, "")
    yield from iam.resources.list(Role, account_id, "")
    yield from iam.resources.list(User, account_id, "")


def boundary_of(bearer: Bearer) -> str | None:
    """The policy that bounds what its bearer's others allow; groups have none."""
    return None if isinstance(bearer, Group) else bearer.permissions_boundary


def attachments(iam: Iam, account_id: str) -> Counter[str]:
    """How often each policy of an account is attached, by ARN."""
    return Counter(arn for each in bearers(iam, account_id) for arn in each.attached_policies)


def boundaries(iam: Iam, account_id: str) -> Counter[str]:
    """How often each policy of an account is a permissions boundary, by ARN."""
    return Counter(arn for each in bearers(iam, account_id) if (arn := boundary_of(each)))

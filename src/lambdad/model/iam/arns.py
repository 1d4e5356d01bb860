"""ARNs of IAM: `arn:aws:iam::123456789012:role/service-role/orders`."""

from __future__ import annotations

import re
from dataclasses import dataclass

_ARN = re.compile(
    r"arn:aws:iam::(?P<account_id>[0-9]{12}|aws):"
    r"(?P<kind>role|user|group|policy|instance-profile)(?P<path>/(?:[!-~]*/)?)"
    r"(?P<name>[A-Za-z0-9_+=,.@-]+)"
)


@dataclass(frozen=True, slots=True)
class IamArn:
    """An ARN and its parts; the account of AWS's own policies is `aws`."""

    account_id: str
    kind: str
    path: str
    name: str

    def __str__(self) -> str:
        return f"arn:aws:iam::{self.account_id}:{self.kind}{self.path}{self.name}"


def parse_iam_arn(text: str) -> IamArn | None:
    """Read an ARN of IAM; None when `text` is none."""
    match = _ARN.fullmatch(text)
    return IamArn(**match.groupdict()) if match else None

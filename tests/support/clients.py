"""AWS clients as users make them: only the endpoint is ours."""

from __future__ import annotations

from functools import cache
from typing import Any

import botocore.session
from botocore.config import Config

REGION = "us-east-1"
ACCOUNT = "000000000000"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/test"
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": REGION,
}


@cache
def _session() -> botocore.session.Session:
    """One for all clients: reading the service models takes longer than most tests."""
    return botocore.session.Session()


def make_client(
    service: str,
    url: str,
    *,
    access_key_id: str = "test",
    region: str = REGION,
    read_timeout: float = 60,
    attempts: int = 1,
    host_prefix: bool = True,
) -> Any:
    """A client of `service`; the caller closes it."""
    return _session().create_client(
        service,
        region_name=region,
        endpoint_url=url,
        aws_access_key_id=access_key_id,
        aws_secret_access_key="test",
        config=Config(
            proxies={},
            read_timeout=read_timeout,
            connect_timeout=10,
            max_pool_connections=50,
            retries={"total_max_attempts": attempts},
            inject_host_prefix=host_prefix,
        ),
    )

"""Requests to the server's own paths, signed as AWS's are: that names account and region."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from lambdad.cli.endpoint import Endpoint
from lambdad.cli.failure import CommandError, ExitCode


def ask(endpoint: Endpoint, method: str, path: str, query: Mapping[str, Any]) -> dict[str, Any]:
    """The server's answer; CommandError says what it refused."""
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials
    from botocore.httpsession import URLLib3Session

    fields = {name: str(value) for name, value in query.items() if value is not None}
    text = f"?{urlencode(fields)}" if fields else ""
    request = AWSRequest(method, f"{endpoint.url.rstrip('/')}{path}{text}")
    credentials = Credentials(
        os.environ.get("AWS_ACCESS_KEY_ID") or "test",
        os.environ.get("AWS_SECRET_ACCESS_KEY") or "test",
        os.environ.get("AWS_SESSION_TOKEN"),
    )
    SigV4Auth(credentials, "lambda", endpoint.region).add_auth(request)
    verify: Any = endpoint.ca_bundle or True
    session = URLLib3Session(verify=verify, proxies={} if endpoint.is_local else None)
    answer = session.send(request.prepare())
    return _read(answer.status_code, answer.content, endpoint)


def _read(status: int, content: bytes, endpoint: Endpoint) -> dict[str, Any]:
    try:
        body = json.loads(content)
        if status == 200:
            return dict(body)
        message = f"The server refused: {body['message']} ({body['code']})"
        raise CommandError(message, ExitCode.REFUSED, name=body["code"])
    except (ValueError, KeyError, TypeError):
        message = f"What answers at {endpoint.url} is no lambdad, or an older one."
        raise CommandError(message, ExitCode.REFUSED) from None

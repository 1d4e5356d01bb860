"""An OpenTelemetry collector, to which the node's metrics are sent over HTTP."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from lambdad.errors import PlatformError

_TIMEOUT_SECONDS = 10
_OK = 200


class Collector:
    """What listens at `url` (http://127.0.0.1:4318) for OTLP in JSON."""

    def __init__(self, url: str) -> None:
        # Only here: its botocore would cost every start some 30 ms.
        from botocore.httpsession import URLLib3Session

        self._url = f"{url.rstrip('/')}/v1/metrics"
        self._session = URLLib3Session(timeout=_TIMEOUT_SECONDS)

    async def send(self, document: dict[str, Any]) -> None:
        """Send it once; PlatformError when it was not taken."""
        await asyncio.to_thread(self._send, json.dumps(document).encode())

    def close(self) -> None:
        self._session.close()

    def _send(self, body: bytes) -> None:
        from botocore.awsrequest import AWSRequest
        from botocore.exceptions import BotoCoreError

        request = AWSRequest(
            "POST", self._url, {"Content-Type": "application/json"}, body
        ).prepare()
        try:
            answer = self._session.send(request)
        except BotoCoreError as error:
            raise PlatformError(
                f"The collector at {self._url} cannot be reached: {error}"
            ) from None
        if answer.status_code != _OK:
            raise PlatformError(f"The collector at {self._url} has answered {answer.status_code}.")

"""The server that a command talks to, and clients for its services.

botocore is imported inside the methods: it costs a quarter of a second, which `--help` and usage
errors need not pay.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from lambdad.cli.failure import CommandError, ExitCode

DEFAULT_URL = "http://127.0.0.1:4566"
DEFAULT_REGION = "us-east-1"
ATTEMPTS = 3
_CONNECT_TIMEOUT = 5
_READ_TIMEOUT = 60
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Address and region; credentials come from the environment, or are `test` / `test`."""

    url: str
    region: str

    @classmethod
    def choose(cls, url: str | None, region: str | None) -> Endpoint:
        """What was asked for, else what the environment's variables say, else this machine."""
        return cls(
            url or os.environ.get("AWS_ENDPOINT_URL") or DEFAULT_URL,
            region
            or os.environ.get("AWS_REGION")
            or os.environ.get("AWS_DEFAULT_REGION")
            or DEFAULT_REGION,
        )

    @property
    def is_local(self) -> bool:
        """Is it on this machine?"""
        return urlsplit(self.url).hostname in _LOOPBACK

    @property
    def is_secure(self) -> bool:
        """Is it reached by https?"""
        return urlsplit(self.url).scheme == "https"

    @property
    def ca_bundle(self) -> str | None:
        """The file of the CAs that it is checked with (AWS_CA_BUNDLE, or the profile's); None for
        those that everybody trusts."""
        import botocore.session

        bundle: str | None = botocore.session.Session().get_config_variable("ca_bundle")
        return bundle

    def client(
        self,
        service: str,
        *,
        connect_timeout: float = _CONNECT_TIMEOUT,
        read_timeout: float = _READ_TIMEOUT,
        attempts: int = ATTEMPTS,
    ) -> Any:
        """A botocore client for `service`."""
        import botocore.session
        from botocore.config import Config

        access_key_id = os.environ.get("AWS_ACCESS_KEY_ID")
        return botocore.session.Session().create_client(
            service,
            region_name=self.region,
            endpoint_url=self.url,
            aws_access_key_id=access_key_id or "test",
            aws_secret_access_key=os.environ.get("AWS_SECRET_ACCESS_KEY") or "test",
            aws_session_token=os.environ.get("AWS_SESSION_TOKEN") if access_key_id else None,
            config=Config(
                connect_timeout=connect_timeout,
                read_timeout=read_timeout,
                retries={"total_max_attempts": attempts},
                # A proxy cannot reach this machine's loopback.
                proxies={} if self.is_local else None,
            ),
        )

    @contextmanager
    def failures(self) -> Iterator[None]:
        """Turn what botocore raises into sentences and exit codes."""
        import botocore.exceptions as aws

        try:
            yield
        except aws.ClientError as error:
            code = error.response.get("Error", {}).get("Code", "Unknown")
            message = error.response.get("Error", {}).get("Message", "no message")
            text = f"The server refused: {message} ({code})"
            raise CommandError(text, ExitCode.REFUSED, name=code) from None
        except (aws.HTTPClientError, aws.ConnectionError) as error:
            raise self._unreachable(error) from None
        except aws.BotoCoreError as error:
            raise CommandError(str(error), ExitCode.USAGE) from None
        except ValueError as error:
            if "Invalid endpoint" not in str(error):
                raise
            text = f"{self.url!r} is not the URL of a server."
            raise CommandError(text, ExitCode.USAGE) from None

    def _unreachable(self, error: Exception) -> CommandError:
        import botocore.exceptions as aws

        if isinstance(error, aws.SSLError):
            reason = error.kwargs.get("error", error)
            text = (
                f"No secure connection to {self.url}: {reason}. AWS_CA_BUNDLE names its CA's file."
            )
        elif isinstance(error, aws.ReadTimeoutError):
            text = f"The server at {self.url} took too long to answer."
        elif isinstance(error, aws.ConnectionClosedError):
            text = f"The server at {self.url} closed the connection before it answered."
        else:
            text = f"No server answers at {self.url}. Start one with: lambdad serve"
        return CommandError(text, ExitCode.UNREACHABLE)


def error_code(error: Any) -> str:
    """The AWS error code of a botocore ClientError."""
    return str(error.response.get("Error", {}).get("Code", ""))

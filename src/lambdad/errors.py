"""Whose fault was it? Three families, and nothing else crosses a room's border.

    LambdadError
    ├── ClientError      the caller's: an AWS error code of the service's model, as AWS sends it
    ├── PlatformError    ours: logged with its traceback, answered as a service error (5xx)
    ├── ResponseBrokenOff  some of a response has been sent, and the rest will never come
    └── SettingsError    the operator's: a setting, path or port that cannot work; ends the start

A failure of the customer's code is not an exception here at all: it is data,
`lambdad.model.invocation.FunctionError`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class LambdadError(Exception):
    """Root of every error that lambdad raises on purpose."""


class ClientError(LambdadError):
    """The caller asked for something impossible.

    `code` is the name of the exception in the service's model (`ResourceNotFoundException`); the
    gateway takes status and message key from that model. `status` is for codes that no model
    declares. `members` are further members of the error shape, such as `Reason`; `headers` are
    sent as they are.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        status: int | None = None,
        members: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.members = dict(members or {})
        self.headers = dict(headers or {})


class PlatformError(LambdadError):
    """Something of ours failed; the caller may try again."""


class ResponseBrokenOff(LambdadError):
    """Some of a response has been sent, and the rest will never come: too late for any answer."""


class SettingsError(LambdadError):
    """A setting, path or port that cannot work; the sentence says what to change."""


def invalid_parameter(message: str) -> ClientError:
    """AWS Lambda's error for a request that cannot be."""
    return ClientError("InvalidParameterValueException", message)

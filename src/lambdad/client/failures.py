"""Which failures of a service are for good, and which of them pass."""

from __future__ import annotations

_THROTTLED = 429
_FAILED = 500
_PASSING = frozenset(
    {
        *("Throttling", "ThrottlingException", "ThrottledException", "Throttled"),
        *("RequestThrottled", "RequestThrottledException", "RequestLimitExceeded", "SlowDown"),
        *("TooManyRequestsException", "ProvisionedThroughputExceededException", "OverLimit"),
        *("KmsThrottled", "KMSThrottling", "KMSThrottlingException", "EC2ThrottledException"),
        *("InternalError", "InternalFailure", "InternalException", "InternalServerError"),
        *("ServiceException", "ServiceUnavailable", "ServiceUnavailableException"),
        *("RequestTimeout", "RequestTimeoutException"),
        # The server's own credentials or clock, which its operator will put right.
        *("ExpiredToken", "ExpiredTokenException", "RequestExpired", "RequestTimeTooSkewed"),
        *("InvalidClientTokenId", "UnrecognizedClientException", "SignatureDoesNotMatch"),
    }
)


def passes(code: str, status: int | None = None) -> bool:
    """Whether the same request may succeed later: throttling, and what is the service's fault."""
    if status is not None and (status >= _FAILED or status == _THROTTLED):
        return True
    return code in _PASSING

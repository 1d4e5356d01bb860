"""Who asks: SigV4 signatures, in the Authorization header or in a presigned URL.

Signatures are parsed here, and verified (sigv4.py) only of requests to functions' URLs: the open
mode listens on loopback and trusts its callers. What a signature names still counts: the service,
the region, and through the access key id the account, or the user or session that has it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from lambdad.errors import ClientError
from lambdad.gateway.http import Request
from lambdad.model.caller import Caller

DEFAULT_ACCOUNT_ID = "000000000000"

# (access key id, region) → whose key it is, or None when it is nobody's. A ClientError refuses it.
Identify = Callable[[str, str], Caller | None]

_ALGORITHM = "AWS4-"
# The form in which SDKs write it; every other is taken apart, to say what is wrong with it.
_USUAL_HEADER = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^,\s]+), ?SignedHeaders=([^,\s=]+), ?Signature=([^,\s=]+)"
)
_REGION = re.compile(r"[a-z0-9-]{1,32}")
_TERMINATOR = "aws4_request"
_REMEMBERED = 512  # characters; no access key is nearly as long, and a thousand are kept


@dataclass(frozen=True, slots=True)
class Signature:
    """What a signed request says about itself. Whose it is does not depend on the date."""

    access_key_id: str
    region: str
    service: str
    date: str = field(default="", compare=False)  # YYYYMMDD


def read_signature(request: Request) -> Signature | None:
    """The request's signature, None without one; a malformed one is a ClientError."""
    fields = read_fields(request)
    return None if fields is None else read_credential(fields[0])


def read_fields(request: Request) -> tuple[str, str, str] | None:
    """Credential, SignedHeaders and Signature as they were sent, None without a signature."""
    header = request.header(b"authorization")
    if header is not None:
        return _from_header(header)
    if b"X-Amz-" in request.query_string:
        return _from_query(request.query)
    return None


def find_caller(
    signature: Signature | None,
    environment: Caller | None,
    default_region: str,
    identify: Identify | None = None,
) -> Caller:
    """Whose request it is; on an environment's own listener it is always the environment's.

    Whose key it is, `identify` is asked each time: it may change, so it is not remembered here.
    """
    if environment is not None:
        if signature is not None and signature.access_key_id != environment.access_key_id:
            raise ClientError(
                "UnrecognizedClientException",
                "The security token included in the request is invalid.",
            )
        return environment
    if signature is None:
        return Caller(DEFAULT_ACCOUNT_ID, default_region)
    owner = identify(signature.access_key_id, signature.region) if identify else None
    return owner or _signer(signature)


@lru_cache(maxsize=1024)
def _signer(signature: Signature) -> Caller:
    """Who signs with a key that is nobody's."""
    key = signature.access_key_id
    is_account = len(key) == 12 and key.isascii() and key.isdigit()
    return Caller(key if is_account else DEFAULT_ACCOUNT_ID, signature.region, key)


def _from_header(header: str) -> tuple[str, str, str]:
    usual = _USUAL_HEADER.fullmatch(header)
    return (usual[1], usual[2], usual[3]) if usual else _from_unusual_header(header)


def _from_unusual_header(header: str) -> tuple[str, str, str]:
    algorithm, _, rest = header.partition(" ")
    if not algorithm.startswith(_ALGORITHM):
        raise ClientError("MissingAuthenticationTokenException", "Missing Authentication Token")
    fields = {}
    for part in rest.split(","):
        name, equals, value = part.strip().partition("=")
        if not equals:
            raise _incomplete(
                f"'{name}' not a valid key=value pair (missing equal-sign) in Authorization header."
            )
        fields[name] = value
    missing = [name for name in ("Credential", "Signature", "SignedHeaders") if name not in fields]
    if missing:
        raise _incomplete(
            " ".join(f"Authorization header requires '{name}' parameter." for name in missing)
        )
    return fields["Credential"], fields["SignedHeaders"], fields["Signature"]


def _from_query(query: Mapping[str, list[str]]) -> tuple[str, str, str] | None:
    if "X-Amz-Algorithm" not in query and "X-Amz-Credential" not in query:
        return None
    for name in ("X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature", "X-Amz-SignedHeaders"):
        if name not in query:
            raise _incomplete(f"AWS query-string parameters must include '{name}'.")
    return (
        query["X-Amz-Credential"][0],
        query["X-Amz-SignedHeaders"][0],
        query["X-Amz-Signature"][0],
    )


def read_credential(text: str) -> Signature:
    """What a Credential names: `key id/date/region/service/aws4_request`."""
    if len(text) > _REMEMBERED:
        raise _incomplete(f"Credential must not be longer than {_REMEMBERED} characters.")
    return _read_credential(text)


@lru_cache(maxsize=1024)
def _read_credential(text: str) -> Signature:
    parts = text.rsplit("/", 4)
    if len(parts) != 5 or not all(parts):
        raise _incomplete(
            "Credential must have exactly 5 slash-delimited elements, "
            f"e.g. keyid/date/region/service/term, got '{text}'."
        )
    key, date, region, service, terminator = parts
    if terminator != _TERMINATOR:
        raise _invalid(f"Credential should be scoped with a valid terminator: '{_TERMINATOR}'.")
    if not _REGION.fullmatch(region):
        raise _invalid(f"Credential should be scoped to a valid region, not '{region}'.")
    return Signature(key, region, service, date)


def _incomplete(message: str) -> ClientError:
    return ClientError("IncompleteSignatureException", message)


def _invalid(message: str) -> ClientError:
    return ClientError("InvalidSignatureException", message)

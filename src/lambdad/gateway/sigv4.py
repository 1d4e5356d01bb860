"""Verifies Signature Version 4, in the Authorization header or in a presigned URL.

    canonical request ──sha256──▶ string to sign ──HMAC with the signing key──▶ signature

The signature covers the method, the path, the query, the headers that it names and the body. It is
calculated again from what has arrived, with the secret of the key that the request names.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import time
from calendar import timegm
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from urllib.parse import quote, quote_from_bytes, unquote_to_bytes

from lambdad.errors import ClientError
from lambdad.gateway.auth import Signature, read_credential, read_fields
from lambdad.gateway.http import Request
from lambdad.model.signing_key import SigningKey

FindKey = Callable[[str], SigningKey | None]

_ALGORITHM = "AWS4-HMAC-SHA256"
_SERVICE = "lambda"
_TERMINATOR = "aws4_request"
_SKEW = 15 * 60  # seconds that a client's clock may be wrong, and that a signature lives
_LONGEST_LIFE = 7 * 24 * 60 * 60  # seconds, of a presigned URL
_DATE_FORM = "%Y%m%dT%H%M%SZ"
_DATE = re.compile(r"[0-9]{8}T[0-9]{6}Z")
_HTTP_DATE = re.compile(r"[A-Z][a-z]{2}, [0-9]{2} [A-Z][a-z]{2} [0-9]{4} [0-9:]{8} (GMT|[+-]0000)")
_EXPIRES = re.compile(r"[0-9]{1,6}")
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]+")
# Whatever it says is compared with the body, so nobody gains by changing it; not all sign it.
_PAYLOAD_HASH = b"x-amz-content-sha256"


@dataclass(frozen=True, slots=True)
class _Signed:
    """What a request says of its signature, beside the signature."""

    date: str  # YYYYMMDDTHHMMSSZ
    life: int  # seconds
    token: str | None
    signed_headers: str
    is_presigned: bool


def verify(request: Request, *, find_key: FindKey, region: str, now: float) -> str:
    """The id of the access key that has signed the request, whose body has been read.

    A request that is not signed, or not by this key, or not now, is a ClientError.
    """
    fields = read_fields(request)
    if fields is None:
        raise ClientError("MissingAuthenticationTokenException", "Missing Authentication Token")
    credential, signed_headers, signature = fields
    signer = read_credential(credential)
    _check_scope(signer, region)
    _check_path(request.raw_path)
    signed = _read(request, signed_headers)
    _check_headers(request, signed_headers.split(";"))
    _check_date(signed, signer, now)
    key = find_key(signer.access_key_id)
    if key is None or not _has_token(signed, key):
        raise ClientError(
            "UnrecognizedClientException", "The security token included in the request is invalid."
        )
    if not _is_same(_signature(request, signed, signer, key), signature):
        raise _mismatch()
    return signer.access_key_id


def _read(request: Request, signed_headers: str) -> _Signed:
    header = request.header(b"authorization")
    if header is None:
        return _read_query(request, signed_headers)
    _check_algorithm(header.partition(" ")[0])
    token = request.header(b"x-amz-security-token")
    return _Signed(_header_date(request), _SKEW, token, signed_headers, is_presigned=False)


def _read_query(request: Request, signed_headers: str) -> _Signed:
    query = {name: values[0] for name, values in request.query.items()}
    if len(request.query["X-Amz-Signature"]) > 1:  # the others would not be signed
        raise _incomplete("AWS query-string parameters must include one 'X-Amz-Signature'.")
    _check_algorithm(query["X-Amz-Algorithm"])
    if "X-Amz-Date" not in query:
        raise _incomplete("AWS query-string parameters must include 'X-Amz-Date'.")
    life = query.get("X-Amz-Expires", str(_SKEW))
    if not _EXPIRES.fullmatch(life) or not 1 <= int(life) <= _LONGEST_LIFE:
        raise _incomplete(f"X-Amz-Expires must be between 1 and {_LONGEST_LIFE} seconds.")
    date, token = query["X-Amz-Date"], query.get("X-Amz-Security-Token")
    return _Signed(date, int(life), token, signed_headers, is_presigned=True)


def _header_date(request: Request) -> str:
    """X-Amz-Date, or else Date, which may have HTTP's form."""
    text = request.header(b"x-amz-date") or request.header(b"date")
    if text is None:
        raise _incomplete(
            "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header."
        )
    if not _HTTP_DATE.fullmatch(text):
        return text
    try:
        return parsedate_to_datetime(text).strftime(_DATE_FORM)
    except ValueError:
        raise _bad_date(text) from None


def _check_algorithm(algorithm: str) -> None:
    if algorithm != _ALGORITHM:
        raise _incomplete(f"Unsupported AWS 'algorithm': '{algorithm}'.")


def _check_scope(signer: Signature, region: str) -> None:
    if signer.region != region:
        raise _invalid(f"Credential should be scoped to a valid region, not '{signer.region}'.")
    if signer.service != _SERVICE:
        raise _invalid(f"Credential should be scoped to correct service: '{_SERVICE}'.")


def _check_path(path: str) -> None:
    """A signature covers a path without its `.` and `..`, and would be good for quite another one.
    Doubled slashes, which it does not cover either, lead nowhere else."""
    if not {".", ".."}.isdisjoint(path.split("/")):
        raise _invalid("A signed path must not have '.' or '..' in it.")


def _check_headers(request: Request, signed: list[str]) -> None:
    """Host and everything that speaks to AWS is signed; a name in it is the name of a header."""
    if not all(map(_HEADER_NAME.fullmatch, signed)):
        raise _invalid("SignedHeaders must be names of headers in lower case, separated by ';'.")
    if "host" not in signed:
        raise _invalid("'Host' must be a 'SignedHeader' in the AWS Authorization.")
    for header in request.headers:
        name = header.decode("latin-1")
        if name.startswith("x-amz-") and header != _PAYLOAD_HASH and name not in signed:
            raise _invalid(f"'{name}' must be a 'SignedHeader' in the AWS Authorization.")


def _check_date(signed: _Signed, signer: Signature, now: float) -> None:
    date = signed.date
    begin = _seconds(date)
    if signer.date != date[:8]:
        raise _invalid(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from "
            f"HTTP: '{signer.date}' != '{date[:8]}', from '{date}'."
        )
    minutes = _SKEW // 60
    if begin > now + _SKEW:
        raise _invalid(
            f"Signature not yet current: {date} is still later than {_text(now + _SKEW)} "
            f"({_text(now)} + {minutes} min.)"
        )
    if now <= begin + signed.life:
        return
    if signed.is_presigned:
        raise _invalid(f"Signature expired: {_text(begin + signed.life)} is earlier than now.")
    raise _invalid(
        f"Signature expired: {date} is now earlier than {_text(now - _SKEW)} "
        f"({_text(now)} - {minutes} min.)"
    )


def _seconds(date: str) -> int:
    try:
        parsed = time.strptime(date, _DATE_FORM) if _DATE.fullmatch(date) else None
    except ValueError:
        parsed = None
    if parsed is None:
        raise _bad_date(date)
    return timegm(parsed)


def _text(seconds: float) -> str:
    return time.strftime(_DATE_FORM, time.gmtime(seconds))


def _signature(request: Request, signed: _Signed, signer: Signature, key: SigningKey) -> str:
    """What the signature would be if all is as it was signed."""
    scope = (signer.date, signer.region, signer.service, _TERMINATOR)
    digest = hashlib.sha256(_canonical_request(request, signed)).hexdigest()
    signing_key = f"AWS4{key.secret}".encode()
    for part in scope:
        signing_key = hmac.digest(signing_key, part.encode(), "sha256")
    to_sign = "\n".join((_ALGORITHM, signed.date, "/".join(scope), digest))
    return hmac.digest(signing_key, to_sign.encode(), "sha256").hex()


def _canonical_request(request: Request, signed: _Signed) -> bytes:
    names = signed.signed_headers.encode()
    lines = [
        request.method.encode(),
        _canonical_path(request.raw_path),
        _canonical_query(request.query_string, signed.is_presigned),
        *[_canonical_header(request, name) for name in names.split(b";")],
        b"",
        names,
        _payload_hash(request),
    ]
    return b"\n".join(lines)


def _canonical_path(path: str) -> bytes:
    """Without doubled slashes, and encoded once more than it was sent."""
    segments = [segment for segment in path.split("/") if segment]
    end = "/" if segments and path.endswith("/") else ""
    return quote("/" + "/".join(segments) + end, safe="/~").encode()


def _canonical_query(query: bytes, is_presigned: bool) -> bytes:
    """Its fields as AWS encodes them, in order; a signature in it cannot have signed itself."""
    fields = []
    for field in query.split(b"&"):
        name, _, value = field.replace(b"+", b" ").partition(b"=")
        if field and not (is_presigned and name == b"X-Amz-Signature"):
            fields.append((_encode(name), _encode(value)))
    return "&".join(f"{name}={value}" for name, value in sorted(fields)).encode()


def _encode(text: bytes) -> str:
    return quote_from_bytes(unquote_to_bytes(text), safe="")


def _canonical_header(request: Request, name: bytes) -> bytes:
    value = request.headers.get(name, b"")
    return name + b":" + b" ".join(value.split())


def _payload_hash(request: Request) -> bytes:
    """The hash of the body; whoever sends it too, instead of none or of pieces, sends this one."""
    digest = hashlib.sha256(request.body).hexdigest().encode()
    if not hmac.compare_digest(request.headers.get(_PAYLOAD_HASH, digest), digest):
        raise _mismatch()
    return digest


def _has_token(signed: _Signed, key: SigningKey) -> bool:
    return key.takes_any_token or _is_same(key.session_token, signed.token)


def _is_same(expected: str | None, given: str | None) -> bool:
    """Whether both are there and equal, or neither; how long it takes tells nothing."""
    if expected is None or given is None:
        return expected is given
    return hmac.compare_digest(expected.encode(), given.encode())


def _mismatch() -> ClientError:
    return _invalid(
        "The request signature we calculated does not match the signature you provided. Check your "
        "AWS Secret Access Key and signing method. Consult the service documentation for details."
    )


def _bad_date(text: str) -> ClientError:
    return _incomplete(
        f"Date must be in ISO-8601 'basic format'. Got '{text}'. "
        "See http://en.wikipedia.org/wiki/ISO_8601"
    )


def _incomplete(message: str) -> ClientError:
    return ClientError("IncompleteSignatureException", message)


def _invalid(message: str) -> ClientError:
    return ClientError("InvalidSignatureException", message)

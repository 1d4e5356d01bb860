"""Access key ids: a prefix and sixteen characters of Base32, which name the account as AWS's do.

AKIA… is a key of a user, ASIA… one of a session. Behind the prefix there are 80 bits:

    1   account id (40 bits)   number (39 bits)
"""

from __future__ import annotations

from base64 import b32decode, b32encode
from functools import lru_cache

USER_PREFIX = "AKIA"
SESSION_PREFIX = "ASIA"
NUMBER_BITS = 39
_SIZE = 20  # characters, with the prefix
_HIGHEST_ACCOUNT = 10**12


def make_access_key_id(prefix: str, account_id: str, number: int) -> str:
    """The id of an account's key; `number` has at most 39 bits."""
    bits = 1 << 79 | int(account_id) << NUMBER_BITS | number
    return prefix + b32encode(bits.to_bytes(10)).decode()


@lru_cache(maxsize=1024)  # asked for every signed request
def account_of(access_key_id: str) -> str | None:
    """The account that an id names, or None when it is not of this form."""
    if len(access_key_id) != _SIZE or not access_key_id.startswith((USER_PREFIX, SESSION_PREFIX)):
        return None
    try:
        bits = int.from_bytes(b32decode(access_key_id[4:]))
    except ValueError:
        return None
    account = bits >> NUMBER_BITS & (1 << 40) - 1
    if not bits >> 79 or account >= _HIGHEST_ACCOUNT:
        return None
    return f"{account:012d}"

"""The secrets with which signatures are verified."""

from __future__ import annotations

import re

from lambdad.model.iam.access_key import AccessKey
from lambdad.model.signing_key import SigningKey
from lambdad.services.sts.identify import find_key
from lambdad.services.sts.sessions import Sessions

# The credentials that need no IAM: an account's id, or the word, is a key of the account itself.
_OPEN_KEY = re.compile(r"test|[0-9]{12}")
_OPEN_SECRET = SigningKey("test", takes_any_token=True)


def find_signing_key(sessions: Sessions, access_key_id: str) -> SigningKey | None:
    """The secret of a key, None when nobody here has it; one that may not sign is a ClientError."""
    if _OPEN_KEY.fullmatch(access_key_id):
        return _OPEN_SECRET
    key = find_key(sessions, access_key_id)
    if key is None:
        return None
    if isinstance(key, AccessKey):
        return SigningKey(key.secret_access_key)
    return SigningKey(key.secret_access_key, key.session_token)

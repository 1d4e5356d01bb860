"""Links to deployment packages: signed, and good for ten minutes."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from pathlib import Path

from lambdad.model.caller import RequestContext
from lambdad.model.function import Code
from lambdad.services.lambda_.control_plane import ControlPlane

PATH = "/_lambdad/code/"
VALID_SECONDS = 600

Answer = tuple[int, dict[str, str], bytes]


def code_location(control: ControlPlane, context: RequestContext, code: Code) -> str:
    """A link under which the package can be fetched without credentials; of live code, where it
    is on the server's machine."""
    if code.directory:
        return Path(code.directory).as_uri()
    expires = int(control.clock.now()) + VALID_SECONDS
    signature = _sign(control.link_key, code.sha256, expires)
    return f"{context.endpoint_url}{PATH}{code.sha256}?expires={expires}&signature={signature}"


async def download(
    control: ControlPlane, path: str, query: Mapping[str, str], headers: Mapping[str, str]
) -> Answer:
    """Answer a request for such a link."""
    digest = path.removeprefix(PATH)
    expires = query.get("expires", "")
    signature = query.get("signature", "")
    if not (expires.isascii() and expires.isdigit() and len(expires) < 20):
        return _refusal(403, "The link is not complete.")
    expected = _sign(control.link_key, digest, int(expires))
    if not hmac.compare_digest(expected.encode(), signature.encode()):
        return _refusal(403, "The link's signature does not match.")
    if control.clock.now() >= int(expires):
        return _refusal(403, "The link has expired. GetFunction gives a new one.")
    try:
        content = await control.blobs.read(digest)
    except FileNotFoundError:
        return _refusal(404, "The deployment package is no longer there.")
    return 200, {"content-type": "application/zip"}, content


def _sign(key: bytes, digest: str, expires: int) -> str:
    return hmac.new(key, f"{digest}:{expires}".encode(), hashlib.sha256).hexdigest()


def _refusal(status: int, sentence: str) -> Answer:
    return status, {"content-type": "text/plain; charset=utf-8"}, f"{sentence}\n".encode()

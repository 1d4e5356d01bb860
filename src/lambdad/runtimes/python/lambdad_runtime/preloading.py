"""What a warm interpreter imports ahead, so that its forks need not."""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any, Optional

# What the runtime itself needs late, and what functions commonly import.
_MODULES = """
    argparse array ast asyncio base64 binascii bisect bz2 calendar cmath collections.abc
    concurrent.futures.thread configparser contextvars copy csv ctypes dataclasses datetime
    difflib email.mime.multipart email.mime.text email.parser email.policy email.utils
    encodings.idna encodings.latin_1 encodings.utf_8_sig fnmatch fractions getpass glob gzip
    hashlib hmac html html.parser http.client http.cookies importlib.metadata
    importlib.resources inspect io ipaddress itertools json linecache locale logging.config
    logging.handlers lzma mimetypes multiprocessing numbers pathlib pickle pkgutil platform
    pprint queue quopri random secrets select selectors shlex shutil signal socket ssl
    statistics string stringprep struct subprocess tempfile textwrap threading tokenize
    traceback types typing unicodedata urllib.error urllib.parse urllib.request uuid
    xml.etree.ElementTree zipfile zlib zoneinfo
"""

# The SDK must see nothing of the machine: no variables, no configuration, no metadata service.
_EMPTY_MACHINE = {
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
    "HOME": "/nonexistent",
}


def preload() -> None:
    """Import it all. Starts no thread, opens no connection, reads no variable of the machine."""
    variables = dict(os.environ)
    os.environ.clear()
    os.environ.update(_EMPTY_MACHINE)
    try:
        for name in _MODULES.split():
            _import(name)
        _warm_sdk()
    finally:
        os.environ.clear()
        os.environ.update(variables)


def _import(name: str) -> None:
    try:
        importlib.import_module(name)
    except ImportError:
        pass  # interpreters are built without this or that


def _warm_sdk() -> None:
    """A client that is made and thrown away loads what clients load late."""
    try:
        boto3: Any = importlib.import_module("boto3.session")
        botocore: Any = importlib.import_module("botocore.session")
    except Exception:
        return  # there is none, or none for an interpreter as old as this
    of_botocore = botocore.Session()
    session = boto3.Session("x", "x", region_name="us-east-1", botocore_session=of_botocore)
    session.client("s3")
    sys.modules["boto3"].__dict__["DEFAULT_SESSION"] = None
    _share_loader(of_botocore.get_component("data_loader"))


def _share_loader(warm: Any) -> None:
    """Let new sessions have the loader that knows the SDK's data files already.

    Finding and reading them is most of what a first client costs. A session that searches other
    places than the SDK's own gets a loader of its own, as ever.
    """
    botocore_session: Any = sys.modules["botocore.session"]
    create = botocore_session.create_loader

    def create_loader(search_path_string: Optional[str] = None) -> Any:
        return create(search_path_string) if search_path_string else warm

    botocore_session.create_loader = create_loader

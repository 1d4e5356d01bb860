"""The AWS_* variables of who runs a server, which are its credentials elsewhere."""

from __future__ import annotations

import pytest


def set_operator_variables(
    monkeypatch: pytest.MonkeyPatch, access_key_id: str = "AKIAOPERATOR"
) -> None:
    """Only these are there, and nothing of this machine's own configuration."""
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", access_key_id)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")

"""Factories for the store's tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lambdad.arn import LATEST
from lambdad.model.function import Code, Function, FunctionVersion, Status
from lambdad.store.database import Database


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database.open(tmp_path / "state.db")
    yield database
    database.close()


@pytest.fixture
def make_function() -> Callable[..., Function]:
    def make(name: str = "f", **changes: Any) -> Function:
        members: dict[str, Any] = {
            "account_id": "000000000000",
            "region": "us-east-1",
            "name": name,
            "version": LATEST,
            "runtime": "python3.12",
            "handler": "app.handler",
            "role": "arn:aws:iam::000000000000:role/r",
            "code": Code(sha256="ab" * 32, size=123),
            "revision_id": "1",
            "last_modified": 1.5,
            "state": Status("Active"),
        }
        return Function(latest=FunctionVersion(**{**members, **changes}))

    return make

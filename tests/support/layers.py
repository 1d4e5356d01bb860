"""Layers for tests to attach."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping
from typing import Any

from support.packages import make_zip


def publish_layer(
    client: Any,
    files: Mapping[str, str | bytes],
    *,
    programs: Collection[str] = (),
    name: str | None = None,
) -> str:
    """Publish a version of a layer, a new one without `name`, and return the version's ARN."""
    published = client.publish_layer_version(
        LayerName=name or f"layer-{uuid.uuid4().hex[:10]}",
        Content={"ZipFile": make_zip(files, programs)},
    )
    return str(published["LayerVersionArn"])

"""Up to which frame of the journal its figures are in the tables."""

from __future__ import annotations

from sqlalchemy import Connection, select
from sqlalchemy.dialects.sqlite import insert

from lambdad.store.schema import settled_frames

_NAME = "journal"


def read_settled_frame(connection: Connection) -> int:
    """The last frame whose figures are there; 0 for none."""
    query = select(settled_frames.c.frame).where(settled_frames.c.name == _NAME)
    return int(connection.execute(query).scalar() or 0)


def write_settled_frame(connection: Connection, frame: int) -> None:
    """From now on they are there up to this one."""
    statement = insert(settled_frames).values(name=_NAME, frame=frame)
    connection.execute(
        statement.on_conflict_do_update(index_elements=["name"], set_={"frame": frame})
    )

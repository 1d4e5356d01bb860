"""The tables, and the numbered steps by which an older file comes to have them.

`PRAGMA user_version` is the number of steps that a file has taken. A step is never edited after it
has been released; a new one is added below it, and the tables above are changed to match (a test
compares the two).
"""

from __future__ import annotations

from sqlalchemy import Column, Connection, LargeBinary, MetaData, String, Table, Text

from lambdad.errors import SettingsError

metadata = MetaData()

resources = Table(
    "resources",
    metadata,
    Column("kind", String, primary_key=True),
    Column("account_id", String, primary_key=True),
    Column("region", String, primary_key=True),
    Column("id", String, primary_key=True),
    Column("document", Text, nullable=False),
)

secrets = Table(
    "secrets",
    metadata,
    Column("name", String, primary_key=True),
    Column("value", LargeBinary, nullable=False),
)

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """CREATE TABLE functions (
            account_id VARCHAR NOT NULL,
            region VARCHAR NOT NULL,
            name VARCHAR NOT NULL,
            document TEXT NOT NULL,
            PRIMARY KEY (account_id, region, name)
        )""",
        """CREATE TABLE secrets (
            name VARCHAR NOT NULL,
            value BLOB NOT NULL,
            PRIMARY KEY (name)
        )""",
    ),
    (
        """CREATE TABLE resources (
            kind VARCHAR NOT NULL,
            account_id VARCHAR NOT NULL,
            region VARCHAR NOT NULL,
            id VARCHAR NOT NULL,
            document TEXT NOT NULL,
            PRIMARY KEY (kind, account_id, region, id)
        )""",
        """INSERT INTO resources (kind, account_id, region, id, document)
            SELECT 'function', account_id, region, name, document FROM functions""",
        "DROP TABLE functions",
    ),
)


def migrate(connection: Connection) -> None:
    """Take the steps that the file has not taken yet, each in a transaction of its own."""
    taken = _user_version(connection)
    if taken > len(MIGRATIONS):
        raise SettingsError(
            f"The database has schema version {taken}, written by a newer lambdad; this one knows "
            f"versions up to {len(MIGRATIONS)}. Start the newer lambdad, or use another data "
            "directory."
        )
    for number, step in enumerate(MIGRATIONS[taken:], start=taken + 1):
        with connection.begin():
            for statement in step:
                connection.exec_driver_sql(statement)
            connection.exec_driver_sql(f"PRAGMA user_version = {number}")


def _user_version(connection: Connection) -> int:
    with connection.begin():
        return int(connection.exec_driver_sql("PRAGMA user_version").scalar_one())

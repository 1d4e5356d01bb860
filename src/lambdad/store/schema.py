"""The tables, and the numbered steps by which an older file comes to have them.

`PRAGMA user_version` is the number of steps that a file has taken. A step is never edited after it
has been released; a new one is added below it, and the tables above are changed to match (a test
compares the two).
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

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

# How often the queue of events has been opened: who opens it voids the claims of those before.
epochs = Table(
    "epochs",
    metadata,
    Column("name", String, primary_key=True),
    Column("epoch", Integer, nullable=False),
)


def _event_columns() -> list[Column[Any]]:
    return [
        Column("id", Integer, primary_key=True),
        Column("request_id", String, nullable=False),
        Column("account_id", String, nullable=False),
        Column("region", String, nullable=False),
        Column("function_name", String, nullable=False),
        Column("qualifier", String),
        Column("tenant_id", String),
        Column("trace_header", String, nullable=False),
        Column("accepted_at", Float, nullable=False),
        Column("tries", Integer, nullable=False),
        Column("throttles", Integer, nullable=False),
    ]


# Accepted events that have no outcome yet. `due_at` is when one may be claimed, or when the claim
# ends that the node of `epoch` has on it; 0 is nobody's.
events = Table(
    "events",
    metadata,
    *_event_columns(),
    Column("due_at", Float, nullable=False),
    Column("fence", Integer, nullable=False),
    Column("epoch", Integer, nullable=False),
    Index("events_due", "account_id", "region", "function_name", "due_at"),
)

# Beside the events, whose rows are written again and again: a payload is written once.
event_payloads = Table(
    "event_payloads",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("payload", LargeBinary, nullable=False),
)

# Events that were given up, and that no destination or dead-letter queue has taken yet.
dead_events = Table(
    "dead_events",
    metadata,
    *_event_columns(),
    Column("fence", Integer, nullable=False),
    Column("died_at", Float, nullable=False),
    Column("condition", String, nullable=False),
    Column("error", Text, nullable=False),
    Index("dead_events_died", "died_at"),
    Index("dead_events_of", "account_id", "region", "function_name", "died_at"),
    Index("dead_events_request", "request_id"),
)

# What is to be sent to destinations and dead-letter queues.
deliveries = Table(
    "deliveries",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("event_id", Integer, nullable=False),
    Column("kind", String, nullable=False),
    Column("target_arn", String, nullable=False),
    Column("account_id", String, nullable=False),
    Column("region", String, nullable=False),
    Column("function_name", String, nullable=False),
    Column("request_id", String, nullable=False),
    Column("role", String, nullable=False),
    Column("trace_header", String, nullable=False),
    Column("attributes", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("due_at", Float, nullable=False),
    Index("deliveries_due", "due_at"),
    Index("deliveries_event", "event_id"),
)

# The last frame of the journal whose figures are in the tables below.
settled_frames = Table(
    "settled_frames",
    metadata,
    Column("name", String, primary_key=True),
    Column("frame", Integer, nullable=False),
)

# `dimensions` is JSON: pairs sorted by name. `last_at` is the start of the youngest minute.
metric_series = Table(
    "metric_series",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("account_id", String, nullable=False),
    Column("region", String, nullable=False),
    Column("namespace", String, nullable=False),
    Column("name", String, nullable=False),
    Column("dimensions", Text, nullable=False),
    Column("unit", String, nullable=False),
    Column("last_at", Integer, nullable=False),
    Index(
        "metric_series_name",
        *("account_id", "region", "namespace", "name", "dimensions", "unit"),
        unique=True,
    ),
)

# Statistic sets of `grain` seconds from `start` on (seconds since the epoch). `buckets` may hold
# several packed distributions, one after another.
metric_data = Table(
    "metric_data",
    metadata,
    Column("series_id", Integer, primary_key=True),
    Column("grain", Integer, primary_key=True),
    Column("start", Integer, primary_key=True),
    Column("count", Float, nullable=False),
    Column("sum", Float, nullable=False),
    Column("minimum", Float, nullable=False),
    Column("maximum", Float, nullable=False),
    Column("buckets", LargeBinary),
    sqlite_with_rowid=False,
)

# What each version of each function has used on each day, by what its price depends on.
usage = Table(
    "usage",
    metadata,
    Column("account_id", String, primary_key=True),
    Column("region", String, primary_key=True),
    Column("function_name", String, primary_key=True),
    Column("version", String, primary_key=True),
    Column("day", String, primary_key=True),
    Column("memory_mb", Integer, primary_key=True),
    Column("ephemeral_storage_mb", Integer, primary_key=True),
    Column("architecture", String, primary_key=True),
    Column("initialization_type", String, primary_key=True),
    Column("invocations", Integer, nullable=False),
    Column("errors", Integer, nullable=False),
    Column("billed_duration_ms", Integer, nullable=False),
    Column("duration_ms", Float, nullable=False),
    Column("init_duration_ms", Float, nullable=False),
    Column("cpu_ms", Float, nullable=False),
    Column("max_memory_used_mb", Integer, nullable=False),
    sqlite_with_rowid=False,
)

alarm_history = Table(
    "alarm_history",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("account_id", String, nullable=False),
    Column("region", String, nullable=False),
    Column("alarm_name", String, nullable=False),
    Column("alarm_type", String, nullable=False),
    Column("item_type", String, nullable=False),
    Column("at", Float, nullable=False),
    Column("summary", Text, nullable=False),
    Column("data", Text, nullable=False),
    Index("alarm_history_of", "account_id", "region", "alarm_name", "at"),
    Index("alarm_history_age", "at"),
)

# How far those who follow log lines have got: all of the frames before this one, and so many of its
# batches.
log_cursors = Table(
    "log_cursors",
    metadata,
    Column("account_id", String, primary_key=True),
    Column("region", String, primary_key=True),
    Column("id", String, primary_key=True),
    Column("frame", Integer, nullable=False),
    Column("batches", Integer, nullable=False),
)

_EVENT_SQL = """id INTEGER NOT NULL,
            request_id VARCHAR NOT NULL,
            account_id VARCHAR NOT NULL,
            region VARCHAR NOT NULL,
            function_name VARCHAR NOT NULL,
            qualifier VARCHAR,
            tenant_id VARCHAR,
            trace_header VARCHAR NOT NULL,
            accepted_at FLOAT NOT NULL,
            tries INTEGER NOT NULL,
            throttles INTEGER NOT NULL"""

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
    (
        """CREATE TABLE epochs (
            name VARCHAR NOT NULL,
            epoch INTEGER NOT NULL,
            PRIMARY KEY (name)
        )""",
        f"""CREATE TABLE events (
            {_EVENT_SQL},
            due_at FLOAT NOT NULL,
            fence INTEGER NOT NULL,
            epoch INTEGER NOT NULL,
            PRIMARY KEY (id)
        )""",
        "CREATE INDEX events_due ON events (account_id, region, function_name, due_at)",
        """CREATE TABLE event_payloads (
            id INTEGER NOT NULL,
            payload BLOB NOT NULL,
            PRIMARY KEY (id)
        )""",
        f"""CREATE TABLE dead_events (
            {_EVENT_SQL},
            fence INTEGER NOT NULL,
            died_at FLOAT NOT NULL,
            condition VARCHAR NOT NULL,
            error TEXT NOT NULL,
            PRIMARY KEY (id)
        )""",
        "CREATE INDEX dead_events_died ON dead_events (died_at)",
        """CREATE INDEX dead_events_of
            ON dead_events (account_id, region, function_name, died_at)""",
        "CREATE INDEX dead_events_request ON dead_events (request_id)",
        """CREATE TABLE deliveries (
            id INTEGER NOT NULL,
            event_id INTEGER NOT NULL,
            kind VARCHAR NOT NULL,
            target_arn VARCHAR NOT NULL,
            account_id VARCHAR NOT NULL,
            region VARCHAR NOT NULL,
            function_name VARCHAR NOT NULL,
            request_id VARCHAR NOT NULL,
            role VARCHAR NOT NULL,
            trace_header VARCHAR NOT NULL,
            attributes TEXT NOT NULL,
            body BLOB NOT NULL,
            created_at FLOAT NOT NULL,
            tries INTEGER NOT NULL,
            due_at FLOAT NOT NULL,
            PRIMARY KEY (id)
        )""",
        "CREATE INDEX deliveries_due ON deliveries (due_at)",
        "CREATE INDEX deliveries_event ON deliveries (event_id)",
    ),
    (
        """CREATE TABLE settled_frames (
            name VARCHAR NOT NULL,
            frame INTEGER NOT NULL,
            PRIMARY KEY (name)
        )""",
        """CREATE TABLE metric_series (
            id INTEGER NOT NULL,
            account_id VARCHAR NOT NULL,
            region VARCHAR NOT NULL,
            namespace VARCHAR NOT NULL,
            name VARCHAR NOT NULL,
            dimensions TEXT NOT NULL,
            unit VARCHAR NOT NULL,
            last_at INTEGER NOT NULL,
            PRIMARY KEY (id)
        )""",
        """CREATE UNIQUE INDEX metric_series_name
            ON metric_series (account_id, region, namespace, name, dimensions, unit)""",
        """CREATE TABLE metric_data (
            series_id INTEGER NOT NULL,
            grain INTEGER NOT NULL,
            start INTEGER NOT NULL,
            count FLOAT NOT NULL,
            sum FLOAT NOT NULL,
            minimum FLOAT NOT NULL,
            maximum FLOAT NOT NULL,
            buckets BLOB,
            PRIMARY KEY (series_id, grain, start)
        ) WITHOUT ROWID""",
        """CREATE TABLE usage (
            account_id VARCHAR NOT NULL,
            region VARCHAR NOT NULL,
            function_name VARCHAR NOT NULL,
            version VARCHAR NOT NULL,
            day VARCHAR NOT NULL,
            memory_mb INTEGER NOT NULL,
            ephemeral_storage_mb INTEGER NOT NULL,
            architecture VARCHAR NOT NULL,
            initialization_type VARCHAR NOT NULL,
            invocations INTEGER NOT NULL,
            errors INTEGER NOT NULL,
            billed_duration_ms INTEGER NOT NULL,
            duration_ms FLOAT NOT NULL,
            init_duration_ms FLOAT NOT NULL,
            cpu_ms FLOAT NOT NULL,
            max_memory_used_mb INTEGER NOT NULL,
            PRIMARY KEY (account_id, region, function_name, version, day, memory_mb,
                ephemeral_storage_mb, architecture, initialization_type)
        ) WITHOUT ROWID""",
        """CREATE TABLE alarm_history (
            id INTEGER NOT NULL,
            account_id VARCHAR NOT NULL,
            region VARCHAR NOT NULL,
            alarm_name VARCHAR NOT NULL,
            alarm_type VARCHAR NOT NULL,
            item_type VARCHAR NOT NULL,
            at FLOAT NOT NULL,
            summary TEXT NOT NULL,
            data TEXT NOT NULL,
            PRIMARY KEY (id)
        )""",
        """CREATE INDEX alarm_history_of
            ON alarm_history (account_id, region, alarm_name, at)""",
        "CREATE INDEX alarm_history_age ON alarm_history (at)",
    ),
    (
        """CREATE TABLE log_cursors (
            account_id VARCHAR NOT NULL,
            region VARCHAR NOT NULL,
            id VARCHAR NOT NULL,
            frame INTEGER NOT NULL,
            batches INTEGER NOT NULL,
            PRIMARY KEY (account_id, region, id)
        )""",
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
            if _read_version(connection) >= number:
                continue  # somebody else has opened the file at the same time
            for statement in step:
                connection.exec_driver_sql(statement)
            connection.exec_driver_sql(f"PRAGMA user_version = {number}")


def _user_version(connection: Connection) -> int:
    with connection.begin():
        return _read_version(connection)


def _read_version(connection: Connection) -> int:
    return int(connection.exec_driver_sql("PRAGMA user_version").scalar_one())

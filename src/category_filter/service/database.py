"""The connection to the database: its engine, its transactions, and the schema upgrade."""

from __future__ import annotations

import json
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, cast
from weakref import WeakSet

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import (
    ARRAY,
    Executable,
    QueuePool,
    any_,
    create_engine,
    event,
    func,
    literal,
    make_url,
    select,
)

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Coroutine, Generator

    import psycopg
    from sqlalchemy import URL, ColumnElement, Connection, Engine, Row

__all__ = [
    "POOL_SIZE",
    "Execute",
    "complete",
    "connect",
    "connect_options",
    "contains",
    "exclusive",
    "execute",
    "executor",
    "is_in_memory",
    "is_pooled",
    "snapshot",
]

POOL_SIZE = 10
"""Maximum number of database connections per process."""

_TIMEOUT_S = 5
"""Seconds to wait for a connection, or for SQLite's write lock."""

_BEGIN_EXCLUSIVE = {
    "sqlite": "BEGIN IMMEDIATE",
    "postgresql": "SELECT pg_advisory_xact_lock(hashtext('category_filter.service'))",
}
"""The first statement of a transaction that only one process can be in at a time."""

_DRIVERS = {"sqlite": "pysqlite", "postgresql": "psycopg"}

_BEGIN_SNAPSHOT = {
    "sqlite": "BEGIN",
    "postgresql": "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ",
}
"""The first statement of a transaction that reads one snapshot."""

_TCP_KEEPALIVE = {
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 2,
    "tcp_user_timeout": 20_000,  # milliseconds; the others are seconds and a count
}
"""Detect a PostgreSQL server that vanished without closing its connections."""

_REVISION = "head"
"""The schema version to upgrade to."""

_upgrade_lock = Lock()
"""Alembic's context is global, so a process runs one upgrade at a time."""

_open_engines = WeakSet["Engine"]()
"""The engines whose connections must not be shared by processes."""

T = TypeVar("T")

Execute: TypeAlias = Callable[[Executable, Mapping[str, object]], Awaitable[Sequence[Any]]]
"""Run one statement in a separate transaction, and return its rows."""


def connect(url: str) -> Engine:
    """Open a database, and create its schema or upgrade it to the newest version.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     database = connect(f"sqlite:///{folder}/push_tokens.db")
    ...     database.dispose()

    Several processes may connect at once, and a process may fork afterwards. An SQLite database in
    memory, `sqlite://`, has a single connection, which the threads use in turn.

    Args:
        url: An SQLAlchemy URL for an SQLite file or a PostgreSQL server, which may be behind
            PgBouncer.

    Raises:
        SQLAlchemyError: If the URL is invalid or the database is unavailable.
        OSError: If the SQLite file cannot be written.
        ValueError: If the database is unsupported or its schema version is unknown.
    """
    address = _parse_url(url)
    engine = (_sqlite_engine if _is_sqlite(address) else _postgresql_engine)(address)
    try:
        _upgrade(engine)
    except BaseException:
        engine.dispose()
        raise
    if not is_in_memory(engine):
        engine.dispose()  # a process that forks now shares no connection with its children
        _open_engines.add(engine)
    return engine


def is_in_memory(database: Engine) -> bool:
    """Return whether the database is lost when its connection is closed."""
    address = database.url
    names = (address.database or ":memory:", str(address.query.get("mode")))
    return _is_sqlite(address) and any(":memory:" in name or name == "memory" for name in names)


def execute(
    database: Engine, statement: Executable, values: Mapping[str, object] | None = None
) -> Sequence[Row[*tuple[Any, ...]]]:
    """Run one statement in a separate transaction, and return its rows.

    Autocommit saves the round trips of BEGIN and COMMIT. A failed statement is never retried,
    because it may have been applied.
    """
    with database.connect() as connection:
        result = connection.execute(statement, values)
        return result.all() if result.returns_rows else ()


def executor(database: Engine) -> Execute:
    """Return `execute` as a function to await, which never waits. See `complete`."""

    async def run(
        statement: Executable, values: Mapping[str, object]
    ) -> Sequence[Row[*tuple[Any, ...]]]:
        return execute(database, statement, values)

    return run


def complete(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that never waits, without an event loop, and return its result.

    The same coroutine function can also run in the event loop, with another `Execute`.
    """
    try:
        while True:
            coroutine.send(None)
    except StopIteration as stop:
        return cast("T", stop.value)


def connect_options(database: Engine) -> dict[str, Any]:
    """Return the options of a connection to PostgreSQL, for psycopg."""
    _, options = database.dialect.create_connect_args(database.url)
    return {**options, **_postgresql_options(database.url)}


def contains(
    database: Engine, values: Sequence[int] | Sequence[str], column: ColumnElement[Any]
) -> ColumnElement[bool]:
    """Return the condition that a column is one of the values.

    All values are one parameter, because drivers limit the number of parameters of `IN`.
    """
    if database.dialect.name == "sqlite":
        return column.in_(select(func.json_each(json.dumps(values)).table_valued("value").c.value))
    return column == any_(literal(values, ARRAY(column.type)))


@contextmanager
def snapshot(database: Engine) -> Generator[Connection]:
    """Open a transaction that reads one snapshot of the database."""
    with _transaction(database, _BEGIN_SNAPSHOT) as connection:
        yield connection


@contextmanager
def exclusive(database: Engine) -> Generator[Connection]:
    """Open a transaction that only one process can be in at a time."""
    with _transaction(database, _BEGIN_EXCLUSIVE) as connection:
        yield connection


def is_pooled(connection: psycopg.Connection) -> bool:
    """Return whether a pooler such as PgBouncer is between this process and the server.

    A pooler invents the process id that it sends when a client connects.
    """
    process_id = connection.execute("SELECT pg_backend_pid()").fetchone()
    return process_id != (connection.info.backend_pid,)


@contextmanager
def _transaction(database: Engine, begin: Mapping[str, str]) -> Generator[Connection]:
    dialect = database.dialect
    with database.connect() as connection:
        connection.execution_options(isolation_level=dialect.default_isolation_level)
        with connection.begin():
            connection.exec_driver_sql(begin[dialect.name])
            yield connection


def _parse_url(url: str) -> URL:
    address = make_url(url)
    if address.drivername == "postgres":  # libpq's scheme, which hosting providers use
        address = address.set(drivername="postgresql")
    backend, driver = address.get_backend_name(), address.drivername.partition("+")[2]
    if backend not in _DRIVERS:
        raise ValueError(f"unsupported database {backend!r}: use SQLite or PostgreSQL")
    if driver and driver != _DRIVERS[backend]:
        raise ValueError(f"unsupported driver {driver!r}: write the URL as {backend}://")
    return address.set(drivername=f"{backend}+{_DRIVERS[backend]}")


def _is_sqlite(address: URL) -> bool:
    return address.get_backend_name() == "sqlite"


def _sqlite_engine(address: URL) -> Engine:
    file = address.database or ":memory:"
    if not file.startswith((":memory:", "file:")):
        Path(file).touch(mode=0o600)  # push tokens are private to the user who runs the service
    engine = create_engine(
        address,
        hide_parameters=True,
        isolation_level="AUTOCOMMIT",
        poolclass=QueuePool,
        pool_size=1 if file == ":memory:" else POOL_SIZE,
        max_overflow=0,
        pool_timeout=_TIMEOUT_S,
        connect_args={"timeout": _TIMEOUT_S, "check_same_thread": False},
    )
    event.listen(engine, "connect", _configure_sqlite)
    return engine


def _postgresql_engine(address: URL) -> Engine:
    engine = create_engine(
        address,
        hide_parameters=True,
        isolation_level="AUTOCOMMIT",
        pool_size=POOL_SIZE,
        max_overflow=0,
        pool_timeout=_TIMEOUT_S,
        pool_pre_ping=True,  # reconnect after a server restart
        connect_args=_postgresql_options(address),
    )
    event.listen(engine, "connect", _configure_postgresql)
    return engine


def _postgresql_options(address: URL) -> dict[str, Any]:
    options: dict[str, Any] = {"connect_timeout": _TIMEOUT_S, **_TCP_KEEPALIVE}
    if "prepare_threshold" in address.query:  # psycopg wants an int
        options["prepare_threshold"] = int(str(address.query["prepare_threshold"]))
    return options


def _configure_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA journal_mode = WAL")  # readers do not wait for the writer


def _configure_postgresql(connection: psycopg.Connection, _record: object) -> None:
    """Prepare no statements behind a pooler, which shares its sessions."""
    if is_pooled(connection):
        connection.prepare_threshold = None


def _forget_connections() -> None:
    """Drop the connections unclosed: after a fork, the parent still uses them."""
    for engine in _open_engines:
        engine.dispose(close=False)


if hasattr(os, "register_at_fork"):  # pragma: no branch - Windows does not fork
    os.register_at_fork(after_in_child=_forget_connections)


def _upgrade(engine: Engine) -> None:
    config = Config()
    folder = str(Path(__file__).with_name("migrations"))
    config.set_main_option("script_location", folder.replace("%", "%%"))
    with _upgrade_lock, exclusive(engine) as connection:
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, _REVISION)
        except CommandError as error:
            raise ValueError(
                f"unknown version of the database schema ({error}): upgrade category-filter"
            ) from error

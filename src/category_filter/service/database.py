"""The database: its tables, its schema's way to the newest version, and how it is reached."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    QueuePool,
    Table,
    Text,
    create_engine,
    event,
    make_url,
)

from category_filter.integrations.sqlalchemy import CategoryFilterType

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Generator, Mapping, Sequence
    from typing import Any

    from sqlalchemy import Connection, Engine, Executable, Row

__all__ = ["connect", "execute", "filters", "metadata", "push_tokens", "sessions", "snapshot"]

POOL_SIZE = 10
"""Connections to PostgreSQL that a process keeps, at most."""

_PATIENCE = 5
"""Seconds to wait for a connection, or for another writer."""

_ALONE = {
    "sqlite": "BEGIN IMMEDIATE",
    "postgresql": "SELECT pg_advisory_xact_lock(hashtext('category_filter.service'))",
}
"""What begins a transaction that one process has at a time, and the others wait for."""

_SNAPSHOT = {
    "sqlite": "BEGIN",
    "postgresql": "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ",
}
"""What begins a transaction all of whose statements see the same rows."""

_SILENCE = {
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 2,
    "tcp_user_timeout": 20_000,
}
"""What tells PostgreSQL's client that a server has gone without a word; milliseconds the last."""

_upgrading = Lock()
"""Alembic knows of one upgrade at a time."""

metadata = MetaData()
_BigId = BigInteger().with_variant(Integer, "sqlite")

sessions = Table(
    "push_session",
    metadata,
    Column("id", _BigId, primary_key=True),
    Column("digest", LargeBinary(32), nullable=False, unique=True),
    Column("ends_at", BigInteger, nullable=False, index=True),
    sqlite_autoincrement=True,  # the number of a session that has ended is no other's
)
"""Who may bind; times are seconds since 1970."""

filters = Table(
    "push_filter",
    metadata,
    Column("id", _BigId, primary_key=True),
    Column("filter", CategoryFilterType, nullable=False, unique=True),
)
"""Every filter once: there are far fewer than tokens."""

push_tokens = Table(
    "push_token",
    metadata,
    Column(
        "session_id",
        _BigId,
        ForeignKey(sessions.c.id, ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    ),
    Column("application", Text, nullable=False),
    Column("token", Text, nullable=False),
    Column("p256dh", Text),
    Column("auth", Text),
    Column("filter_id", _BigId, ForeignKey(filters.c.id), nullable=False),
    # The session's own, which never changes: without it, every count would join the sessions.
    Column("ends_at", BigInteger, nullable=False),
    # All that a category's recipients are chosen by, so that counting them reads nothing else.
    Index("push_token_recipients", "filter_id", "ends_at"),
)
"""What is bound: one token a session."""


def connect(url: str) -> Engine:
    """An engine for a database whose schema is created, or upgraded to the newest version.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     database = connect(f"sqlite:///{folder}/push_tokens.db")
    ...     database.dispose()

    Args:
        url: SQLAlchemy's, of an SQLite file or of a PostgreSQL server. Several processes may start
            at once. A database in memory, `sqlite://`, has one connection, for which all wait.

    Raises:
        SQLAlchemyError: The URL is none, or the database cannot be reached.
        OSError: The file cannot be written.
        ValueError: It is another kind of database, or its schema is newer than this version.
    """
    address = make_url(url)
    match address.get_backend_name():
        case "sqlite":
            file = address.database or ":memory:"
            if not file.startswith((":memory:", "file:")):
                Path(file).touch(mode=0o600)  # push tokens are nobody else's business
            engine = create_engine(
                address,
                hide_parameters=True,
                isolation_level="AUTOCOMMIT",
                poolclass=QueuePool,
                pool_size=1 if file == ":memory:" else POOL_SIZE,
                max_overflow=0,
                pool_timeout=_PATIENCE,
                connect_args={"timeout": _PATIENCE, "check_same_thread": False},
            )
            event.listen(engine, "connect", _set_up)
        case "postgresql":
            if address.drivername == "postgresql":  # whose driver is another one in SQLAlchemy 2.0
                address = address.set(drivername="postgresql+psycopg")
            engine = create_engine(
                address,
                hide_parameters=True,
                isolation_level="AUTOCOMMIT",
                pool_size=POOL_SIZE,
                max_overflow=0,
                pool_timeout=_PATIENCE,
                pool_pre_ping=True,  # a server that was started anew is nobody's business
                connect_args={"connect_timeout": _PATIENCE, **_SILENCE},
            )
        case other:
            raise ValueError(f"the database is SQLite or PostgreSQL, and not {other}")
    try:
        _upgrade(engine)
    except BaseException:
        engine.dispose()
        raise
    return engine


def execute(
    database: Engine, statement: Executable, values: Mapping[str, object] | None = None
) -> Sequence[Row[*tuple[Any, ...]]]:
    """Run one statement as a transaction of its own, and give what it returns.

    It needs no BEGIN and no COMMIT, each of which would be a round trip. It is never tried again:
    an answer that was lost does not tell whether the statement was done.
    """
    with database.connect() as connection:
        result = connection.execute(statement, values)
        return result.all() if result.returns_rows else ()


@contextmanager
def snapshot(database: Engine) -> Generator[Connection]:
    """A transaction to read in, all of whose statements see the same rows."""
    with _transaction(database, _SNAPSHOT) as connection:
        yield connection


@contextmanager
def _transaction(database: Engine, beginnings: Mapping[str, str]) -> Generator[Connection]:
    dialect = database.dialect
    with database.connect() as connection:
        connection.execution_options(isolation_level=dialect.default_isolation_level)
        with connection.begin():
            connection.exec_driver_sql(beginnings[dialect.name])
            yield connection


def _set_up(connection: sqlite3.Connection, record: object) -> None:  # noqa: ARG001 - SQLAlchemy passes it
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA journal_mode = WAL")  # readers wait for no writer


def _upgrade(engine: Engine) -> None:
    config = Config()
    folder = str(Path(__file__).with_name("migrations"))
    config.set_main_option("script_location", folder.replace("%", "%%"))
    with _upgrading, _transaction(engine, _ALONE) as connection:
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, "head")
        except CommandError as error:
            raise ValueError(
                f"the database's schema is not one that this version knows: {error}"
            ) from error

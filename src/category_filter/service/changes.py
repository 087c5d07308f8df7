"""The changes of push tokens that any process commits, for an index in memory to follow.

The first index creates triggers in the database, so that a service without one does not pay for
them. On PostgreSQL, they send notifications in the order of the commits. On SQLite, which has one
writer at a time, they write a log.
"""

from __future__ import annotations

from contextlib import suppress
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING, Protocol, cast

from sqlalchemy import text

from category_filter.service.database import exclusive, execute, is_pooled

if TYPE_CHECKING:
    from collections.abc import Iterator

    import psycopg
    from sqlalchemy import Engine

__all__ = ["Changes", "follow"]

_LOG_SIZE = 100_000
"""Changes in SQLite's log. An index that has missed more is loaded again."""

_LOGGED = {
    # INSERT OR REPLACE fires no trigger for the rows that it deletes.
    "BEFORE INSERT ON push_token": "SELECT NEW.session_id UNION"
    " SELECT session_id FROM push_token WHERE token_digest = NEW.token_digest",
    "AFTER UPDATE ON push_token": "VALUES (OLD.session_id), (NEW.session_id)",
    "AFTER DELETE ON push_token": "VALUES (OLD.session_id)",
    "AFTER UPDATE ON push_filter": "VALUES (NULL)",
}
"""SQLite's triggers, and the session ids that each of them logs."""

_DRAIN_S = 1
"""Seconds after which notifications are received even if `read` is not called."""

_NOTIFY = """
CREATE FUNCTION push_token_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_LEVEL = 'STATEMENT' THEN
        PERFORM pg_notify('push_token', '');
        RETURN NULL;
    END IF;
    IF TG_OP <> 'INSERT' THEN
        PERFORM pg_notify('push_token', OLD.session_id::text);
    END IF;
    IF TG_OP <> 'DELETE' THEN
        PERFORM pg_notify('push_token', NEW.session_id::text);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER push_token_changed AFTER INSERT OR UPDATE OR DELETE ON push_token
    FOR EACH ROW EXECUTE FUNCTION push_token_changed();
CREATE TRIGGER push_token_truncated AFTER TRUNCATE ON push_token
    FOR EACH STATEMENT EXECUTE FUNCTION push_token_changed();
CREATE TRIGGER push_filter_changed AFTER UPDATE ON push_filter
    FOR EACH STATEMENT EXECUTE FUNCTION push_token_changed();
"""


class Changes(Protocol):
    """The changes since the index began to follow the database."""

    def read(self) -> set[int] | None:
        """Return the ids of the sessions whose token has changed since the previous call.

        They include every change that was committed before the call. None means that changes were
        missed, so any token may have changed.
        """
        ...

    def close(self) -> None:
        """Stop following the database."""
        ...


def follow(database: Engine) -> Changes:
    """Start to follow a database. Load the index afterwards.

    Raises:
        ValueError: If a pooler such as PgBouncer is between this process and the database.
    """
    return (_LoggedChanges if database.dialect.name == "sqlite" else _Notifications)(database)


class _LoggedChanges:
    """Changes from SQLite's log."""

    def __init__(self, database: Engine) -> None:
        self._database = database
        with exclusive(database) as connection:
            for statement in _create_log():
                connection.exec_driver_sql(statement)
        newest = text("SELECT coalesce(max(id), 0) FROM push_change")
        ((self._last_id,),) = execute(database, newest)

    def read(self) -> set[int] | None:
        since = text("SELECT id, session_id FROM push_change WHERE id > :last ORDER BY id")
        rows = execute(self._database, since, {"last": self._last_id})
        if not rows:
            return set()
        is_complete = rows[0].id == self._last_id + 1
        self._last_id = rows[-1].id
        session_ids = {row.session_id for row in rows}
        return session_ids if is_complete and None not in session_ids else None

    def close(self) -> None:
        pass


def _create_log() -> Iterator[str]:
    yield "CREATE TABLE IF NOT EXISTS push_change (id INTEGER PRIMARY KEY, session_id INTEGER)"
    for event, session_ids in _LOGGED.items():
        yield (
            f"CREATE TRIGGER IF NOT EXISTS '{event}' {event}"
            f" BEGIN INSERT INTO push_change (session_id) {session_ids}; END"
        )
    delete_old = f"DELETE FROM push_change WHERE id <= NEW.id - {_LOG_SIZE}"  # noqa: S608 - a number
    yield (
        "CREATE TRIGGER IF NOT EXISTS push_change_limit AFTER INSERT ON push_change"
        f" BEGIN {delete_old}; END"
    )


class _Notifications:
    """Changes from PostgreSQL's notifications, received on a separate connection.

    A statement receives the notifications of all earlier commits with its result.
    """

    def __init__(self, database: Engine) -> None:
        with exclusive(database) as connection:
            exists = text("SELECT to_regproc('push_token_changed') IS NOT NULL")
            if not connection.execute(exists).scalar():
                connection.exec_driver_sql(_NOTIFY)
        self._lock = Lock()
        self._payloads = set[str]()
        self._error = database.dialect.loaded_dbapi.Error
        pooled = database.raw_connection()
        self._connection = cast("psycopg.Connection", pooled.driver_connection)
        pooled.detach()
        if is_pooled(self._connection):
            self._connection.close()
            raise ValueError(
                "an index in memory cannot follow the database through a pooler such as PgBouncer:"
                " pass the URL of the server itself"
            )
        self._connection.add_notify_handler(lambda each: self._payloads.add(each.payload))
        self._connection.execute("LISTEN push_token")
        self._closed = Event()
        Thread(target=self._drain, daemon=True).start()

    def read(self) -> set[int] | None:
        with self._lock:
            try:
                self._connection.execute("SELECT 1")
            except self._error:  # the connection is lost
                return None
            payloads = self._payloads.copy()
            self._payloads.clear()
        return None if "" in payloads else {int(payload) for payload in payloads}

    def close(self) -> None:
        self._closed.set()
        with self._lock:
            self._connection.close()

    def _drain(self) -> None:
        """Receive notifications regularly, because the server queues a limited number of them."""
        while not self._closed.wait(_DRAIN_S):
            with self._lock, suppress(self._error):
                self._connection.execute("SELECT 1")

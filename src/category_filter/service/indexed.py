"""Push tokens with an index in memory, for fast fan-out."""

from __future__ import annotations

import os
import time
from contextlib import closing
from threading import Lock
from typing import TYPE_CHECKING, Any, cast
from weakref import WeakSet, finalize

from sqlalchemy import select

from category_filter.service.changes import follow
from category_filter.service.database import contains, execute, snapshot
from category_filter.service.live_tokens import TOKEN_COLUMNS, LiveTokens
from category_filter.service.recipients import Recipient, Recipients, Selection
from category_filter.service.tables import filters, push_tokens, sessions
from category_filter.service.tokens import PushTokens

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator
    from enum import Enum

    from sqlalchemy import Connection, Engine, Select

    from category_filter.service.changes import Changes
    from category_filter.service.push_services import PushServices

__all__ = ["IndexedPushTokens"]

_FETCH_SIZE = 10_000
"""Rows to fetch at a time, to bound the memory of loading."""


class IndexedPushTokens(PushTokens):
    """Push tokens that find recipients with an index in memory.

    >>> from category_filter.service import DeviceBinding, Sessions, connect
    >>> database = connect("sqlite://")
    >>> tokens, sessions = IndexedPushTokens(database), Sessions(database)
    >>> session_hash = sessions.create()
    >>> phone = DeviceBinding(application="navixy_iphone_viewer", token="740f4707")
    >>> recipient = tokens.bind(session_hash, phone)
    >>> list(tokens.recipients("chat_message")) == [recipient]
    True
    >>> sessions.end(session_hash), tokens.recipients("chat_message").count()
    (True, 0)

    The index follows the database, whichever process writes to it: each use of `recipients` first
    applies all changes committed so far. The index is loaded when it is created, and again after it
    has lost its connection.

    Args:
        database: An engine from `connect`.
        push_services: As for `PushTokens`.

    Raises:
        SQLAlchemyError: If the database is unavailable.
        ValueError: If a pooler such as PgBouncer is between this process and the database.
    """

    def __init__(self, database: Engine, push_services: PushServices | None = None) -> None:
        super().__init__(database, push_services)
        self._close_changes: finalize[[], IndexedPushTokens] | None = None
        self.start()
        self._update()
        _indexes.add(self)

    def recipients(
        self,
        category: str | Enum,
        *,
        owners: Collection[str] | None = None,
        after: int | None = None,
        shard: tuple[int, int] | None = None,
    ) -> Recipients:
        """Return the recipients of a category, as `PushTokens.recipients` does."""
        return _IndexedRecipients(self._update, category, Selection(owners, after, shard))

    def close(self) -> None:
        """Stop following the database. The index is loaded again on the next use."""
        with self._lock:
            self._stop_following()

    def start(self) -> None:
        """Reset the index, as after a fork. It is loaded on the next use."""
        if self._close_changes:
            self._close_changes.detach()
        self._lock = Lock()
        self._live = LiveTokens(self._push_services)
        self._changes: Changes | None = None
        self._changed = set[int]()
        self._updated_at = 0

    def _update(self) -> LiveTokens:
        """Apply the changes since the previous update, or load the index, and return it."""
        with self._lock:
            now = int(time.time())
            changed = self._changes.read() if self._changes else None
            if changed is None:
                self._load(now)
            else:
                self._changed |= changed
                if now != self._updated_at:
                    self._changed.update(self._ended_between(now, self._updated_at))
                if self._changed:
                    self._reload_changed(now)
            self._updated_at = now
            return self._live

    def _stop_following(self) -> None:
        self._changes = None
        if self._close_changes:
            self._close_changes()

    def _load(self, now: int) -> None:
        self._stop_following()
        changes = follow(self._database)
        self._close_changes = finalize(self, changes.close)
        live = LiveTokens(self._push_services)
        with snapshot(self._database) as connection:
            distinct = connection.execute(select(filters.c.id, filters.c.filter))
            filters_by_id = {row.id: row.filter for row in distinct}
            tokens = select(*TOKEN_COLUMNS).where(push_tokens.c.ends_at > now)
            live.update((), _stream(connection, tokens), filters_by_id)
        self._live, self._changes = live, changes
        self._changed.clear()

    def _reload_changed(self, now: int) -> None:
        is_changed = contains(self._database, [*self._changed], push_tokens.c.session_id)
        statement = (
            select(*TOKEN_COLUMNS, filters.c.filter)
            .join_from(push_tokens, filters)
            .where(is_changed, push_tokens.c.ends_at > now)
        )
        rows = execute(self._database, statement)
        tokens = [(row.session_id, row.filter_id, row.packed) for row in rows]
        self._live.update(self._changed, tokens, {row.filter_id: row.filter for row in rows})
        self._changed.clear()

    def _ended_between(self, *times: int) -> Iterable[int]:
        """Return the sessions that end between two times. Clocks may be set back in between."""
        ended = sessions.c.ends_at > min(times), sessions.c.ends_at <= max(times)
        return [row.id for row in execute(self._database, select(sessions.c.id).where(*ended))]


def _stream(
    connection: Connection, statement: Select[Any, Any, Any]
) -> Iterator[tuple[int, int, str]]:
    """Iterate over the driver's own rows. SQLAlchemy's rows take 50 % longer."""
    query = str(statement.compile(connection, compile_kwargs={"literal_binds": True}))
    is_sqlite = connection.dialect.name == "sqlite"
    options = {} if is_sqlite else {"name": "push_tokens"}  # PostgreSQL streams named cursors
    with closing(connection.connection.cursor(**options)) as cursor:
        cursor.execute(query)
        while rows := cursor.fetchmany(_FETCH_SIZE):
            yield from cast("list[tuple[int, int, str]]", rows)


class _IndexedRecipients(Recipients):
    """Recipients from the index."""

    def __init__(
        self, update: Callable[[], LiveTokens], category: str | Enum, selection: Selection
    ) -> None:
        self._update = update
        self._category = category
        self._selection = selection

    def __iter__(self) -> Iterator[Recipient]:
        matching = self._update().matching(self._category)
        return (recipient for recipient in matching if recipient in self._selection)

    def count(self) -> int:
        if self._selection == Selection():
            return self._update().count(self._category)
        return sum(1 for _ in self)


_indexes = WeakSet[IndexedPushTokens]()


def _start_again() -> None:
    """Drop the connections unclosed: after a fork, the parent still uses them."""
    for index in _indexes:
        index.start()


if hasattr(os, "register_at_fork"):  # pragma: no branch - Windows does not fork
    os.register_at_fork(after_in_child=_start_again)

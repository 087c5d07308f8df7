"""Push tokens with an index in memory, for fast fan-out."""

from __future__ import annotations

import time
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from category_filter.service.database import execute, snapshot
from category_filter.service.live_tokens import LiveTokens
from category_filter.service.recipients import (
    RECIPIENT_COLUMNS,
    Recipient,
    Recipients,
    Selection,
    token_digest,
)
from category_filter.service.tables import filters, push_tokens
from category_filter.service.tokens import PushTokens

if TYPE_CHECKING:
    from collections.abc import Collection, Generator, Iterator
    from enum import Enum

    from sqlalchemy import Engine

    from category_filter.service.bindings import BrowserBinding, DeviceBinding

__all__ = ["IndexedPushTokens"]

_FETCH_SIZE = 10_000
"""Rows to fetch at a time, so that loading holds few of them."""


class IndexedPushTokens(PushTokens):
    """Push tokens that find recipients with a `FilterIndex` in memory.

    >>> from category_filter.service import DeviceBinding, Sessions, connect
    >>> database = connect("sqlite://")
    >>> tokens = IndexedPushTokens(database)
    >>> sessions = Sessions(database, on_end=tokens.forget)
    >>> session_hash = sessions.create()
    >>> phone = DeviceBinding(application="navixy_iphone_viewer", token="740f4707")
    >>> recipient = tokens.bind(session_hash, phone)
    >>> list(tokens.recipients("chat_message")) == [recipient]
    True
    >>> sessions.end(session_hash), tokens.recipients("chat_message").count()
    (True, 0)

    The index does not see what other processes write, so this process must be the only writer. Pass
    `forget` to `Sessions` as shown.

    Args:
        database: An engine from `connect`.
    """

    def __init__(self, database: Engine) -> None:
        super().__init__(database)
        self._write_lock = Lock()
        self._stale = True
        self._reload()

    def bind(self, session_hash: str, binding: DeviceBinding | BrowserBinding) -> Recipient:
        """Bind a push token to a session, in the database and then in the index."""
        same_token = token_digest(binding.application, binding.token)
        previous = select(push_tokens.c.session_id).where(push_tokens.c.token_digest == same_token)
        with self._write():
            rows = execute(self._database, previous)
            recipient = super().bind(session_hash, binding)
            for (session_id,) in rows:
                self._live.discard(session_id)
            self._live.set(recipient, binding.effective_filter)
            return recipient

    def delete(self, session_hash: str) -> int:
        """Delete the push token of a session, from the database and then from the index."""
        with self._write():
            session_id = super().delete(session_hash)
            self._live.discard(session_id)
            return session_id

    def remove(self, recipient: Recipient) -> bool:
        """Delete a push token that is gone, from the database and then from the index."""
        with self._write():
            removed = super().remove(recipient)
            if removed:
                self._live.discard(recipient.session_id)
            return removed

    def forget(self, session_id: int) -> None:
        """Delete the push token of an ended session from the index."""
        with self._write_lock:
            self._live.discard(session_id)

    def recipients(
        self,
        category: str | Enum,
        *,
        owners: Collection[str] | None = None,
        after: int | None = None,
        shard: tuple[int, int] | None = None,
    ) -> Recipients:
        """Return the recipients of a category, as `PushTokens.recipients` does."""
        self._reload()
        return _IndexedRecipients(self._live, category, Selection(owners, after, shard))

    @contextmanager
    def _write(self) -> Generator[None]:
        """Serialize writes, so that the index applies them in the order of the database."""
        with self._write_lock:
            try:
                yield
            except SQLAlchemyError:
                self._stale = True  # the write may or may not have been applied
                raise

    def _reload(self) -> None:
        """Load the index if it is stale. Of the threads that find it stale, the first one loads."""
        if not self._stale:
            return
        with self._write_lock:
            if not self._stale:
                return
            live = LiveTokens()
            rows = select(push_tokens.c.filter_id, *RECIPIENT_COLUMNS)
            with snapshot(self._database) as connection:
                distinct = connection.execute(select(filters.c.id, filters.c.filter))
                filters_by_id = {row.id: row.filter for row in distinct}
                streaming = connection.execution_options(yield_per=_FETCH_SIZE)
                for filter_id, *columns in streaming.execute(rows):
                    live.set(Recipient(*columns), filters_by_id[filter_id])
            self._live = live
            self._stale = False


class _IndexedRecipients(Recipients):
    """Recipients from the index."""

    def __init__(self, live: LiveTokens, category: str | Enum, selection: Selection) -> None:
        self._live = live
        self._category = category
        self._selection = selection

    def __iter__(self) -> Iterator[Recipient]:
        matching = self._live.matching(self._category, int(time.time()))
        return (recipient for recipient in matching if recipient in self._selection)

    def count(self) -> int:
        if self._selection == Selection():
            return self._live.count(self._category, int(time.time()))
        return sum(1 for _ in self)

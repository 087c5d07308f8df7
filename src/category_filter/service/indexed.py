"""Push tokens with an index in memory, for fast fan-out."""

from __future__ import annotations

import heapq
import time
from contextlib import contextmanager
from threading import Lock, RLock
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from category_filter import FilterIndex
from category_filter.service.database import snapshot
from category_filter.service.tables import filters, push_tokens
from category_filter.service.tokens import RECIPIENT_COLUMNS, PushTokens, Recipient, Recipients

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from enum import Enum

    from sqlalchemy import Engine

    from category_filter import CategoryFilter
    from category_filter.service.bindings import BrowserBinding, DeviceBinding

__all__ = ["IndexedPushTokens"]


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
        self._load()

    def bind(self, session_hash: str, binding: DeviceBinding | BrowserBinding) -> Recipient:
        """Bind a push token to a session, in the database and then in the index."""
        with self._write():
            recipient = super().bind(session_hash, binding)
            self._live.set(recipient, binding.effective_filter)
            return recipient

    def delete(self, session_hash: str) -> int:
        """Delete the push token of a session, from the database and then from the index."""
        with self._write():
            session_id = super().delete(session_hash)
            self._live.discard(session_id)
            return session_id

    def forget(self, session_id: int) -> None:
        """Delete the push token of an ended session from the index."""
        with self._write_lock:
            self._live.discard(session_id)

    def recipients(self, category: str | Enum) -> Recipients:
        """Return the recipients of a category: tokens of live sessions whose filter allows it."""
        if self._stale:
            self._load()
        return _IndexedRecipients(self._live, category)

    @contextmanager
    def _write(self) -> Generator[None]:
        """Serialize writes, so that the index applies them in the order of the database."""
        with self._write_lock:
            try:
                yield
            except SQLAlchemyError:
                self._stale = True  # the write may or may not have been applied
                raise

    def _load(self) -> None:
        rows = select(*RECIPIENT_COLUMNS, filters.c.filter).join_from(push_tokens, filters)
        with self._write_lock, snapshot(self._database) as connection:
            self._live = _LiveTokens()
            for *columns, f in connection.execute(rows):
                self._live.set(Recipient(*columns), f)
            self._stale = False


class _LiveTokens:
    """An index of the push tokens of live sessions. A token expires with its session."""

    def __init__(self) -> None:
        self._lock = RLock()
        self._index = FilterIndex[Recipient]()
        self._recipients: dict[int, Recipient] = {}
        self._expirations: list[tuple[int, int]] = []  # a heap of (ends_at, session_id)
        self._scheduled: set[int] = set()  # the sessions in the heap, each of them once

    def set(self, recipient: Recipient, f: CategoryFilter) -> None:
        """Set the recipient of a session, replacing its current one."""
        session_id = recipient.session_id
        with self._lock:
            if self._recipients.get(session_id) != recipient:
                self.discard(session_id)
            self._index[recipient] = f
            self._recipients[session_id] = recipient
            if session_id not in self._scheduled:
                self._scheduled.add(session_id)
                heapq.heappush(self._expirations, (recipient.ends_at, session_id))

    def discard(self, session_id: int) -> None:
        """Delete the recipient of a session, if it has one."""
        with self._lock:
            recipient = self._recipients.pop(session_id, None)
            if recipient is not None:
                del self._index[recipient]

    def matching(self, category: str | Enum) -> Iterator[Recipient]:
        """Iterate over the current recipients of a category, whatever is written meanwhile."""
        with self._lock:
            self._expire(int(time.time()))
            return iter(self._index.matching(category))

    def count(self, category: str | Enum) -> int:
        """Return the number of current recipients of a category."""
        with self._lock:
            self._expire(int(time.time()))
            return len(self._index.matching(category))

    def _expire(self, now: int) -> None:
        while self._expirations and self._expirations[0][0] <= now:
            _, session_id = heapq.heappop(self._expirations)
            self._scheduled.discard(session_id)
            self.discard(session_id)


class _IndexedRecipients(Recipients):
    """Recipients from the index."""

    def __init__(self, live: _LiveTokens, category: str | Enum) -> None:
        self._live = live
        self._category = category

    def __iter__(self) -> Iterator[Recipient]:
        return self._live.matching(self._category)

    def count(self) -> int:
        return self._live.count(self._category)

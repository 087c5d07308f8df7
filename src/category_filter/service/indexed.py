"""Push tokens whose recipients are found in memory."""

from __future__ import annotations

import heapq
import time
from contextlib import contextmanager
from threading import Lock, RLock
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from category_filter import FilterIndex
from category_filter.service.database import filters, push_tokens, snapshot
from category_filter.service.tokens import COLUMNS, PushTokens, Recipient, Recipients

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from enum import Enum

    from sqlalchemy import Engine

    from category_filter import CategoryFilter
    from category_filter.service.bindings import BrowserBinding, DeviceBinding

__all__ = ["IndexedPushTokens"]


class IndexedPushTokens(PushTokens):
    """Push tokens with a `FilterIndex` in memory, for the one process that writes to the database.

    >>> from category_filter.service import DeviceBinding, Sessions, connect
    >>> database = connect("sqlite://")
    >>> tokens = IndexedPushTokens(database)
    >>> sessions = Sessions(database, ended=tokens.forget)
    >>> session = sessions.create()
    >>> phone = DeviceBinding(application="navixy_iphone_viewer", token="740f4707")
    >>> bound = tokens.bind(session, phone)
    >>> list(tokens.recipients("chat_message")) == [bound]
    True
    >>> sessions.end(session), tokens.recipients("chat_message").count()
    (True, 0)

    Args:
        database: What `connect` gave. What other processes write to it is not noticed.
    """

    def __init__(self, database: Engine) -> None:
        super().__init__(database)
        self._writing = Lock()
        self._load()

    def bind(
        self,
        hash: str,  # noqa: A002 - the API's word
        binding: DeviceBinding | BrowserBinding,
    ) -> Recipient:
        """Bind a push token to a session, in the database and then in the index."""
        with self._written():
            recipient = super().bind(hash, binding)
            self._live.enter(recipient, binding.wanted)
            return recipient

    def delete(self, hash: str) -> int:  # noqa: A002 - likewise
        """Remove a session's push token, from the database and then from the index."""
        with self._written():
            session_id = super().delete(hash)
            self._live.leave(session_id)
            return session_id

    def forget(self, session_id: int) -> None:
        """Remove the token of a session that has ended from the index."""
        with self._writing:
            self._live.leave(session_id)

    def recipients(self, category: str | Enum) -> Recipients:
        """Who gets a category: the tokens of live sessions whose filter allows it."""
        if self._in_doubt:
            self._load()
        return _Indexed(self._live, category)

    @contextmanager
    def _written(self) -> Generator[None]:
        """Nobody else writes, so that the index sees all in the order of the database."""
        with self._writing:
            try:
                yield
            except SQLAlchemyError:  # which does not tell whether it was written
                self._in_doubt = True
                raise

    def _load(self) -> None:
        rows = select(*COLUMNS, filters.c.filter).join_from(push_tokens, filters)
        with self._writing, snapshot(self._database) as connection:
            self._live = _Live()
            for *columns, wanted in connection.execute(rows):
                self._live.enter(Recipient(*columns), wanted)
            self._in_doubt = False


class _Live:
    """Who is bound at this moment, until the sessions end."""

    def __init__(self) -> None:
        self._lock = RLock()
        self._index = FilterIndex[Recipient]()
        self._bound: dict[int, Recipient] = {}
        self._ends: list[tuple[int, int]] = []
        self._ending: set[int] = set()

    def enter(self, recipient: Recipient, wanted: CategoryFilter) -> None:
        """Take a recipient in, instead of the one that its session had."""
        session_id = recipient.session_id
        with self._lock:
            before = self._bound.get(session_id)
            if before != recipient:
                self.leave(session_id)
            self._index[recipient] = wanted
            self._bound[session_id] = recipient
            if session_id not in self._ending:
                self._ending.add(session_id)
                heapq.heappush(self._ends, (recipient.ends_at, session_id))

    def leave(self, session_id: int) -> None:
        """Drop a session's recipient, if it has one."""
        with self._lock:
            recipient = self._bound.pop(session_id, None)
            if recipient is not None:
                del self._index[recipient]

    def wanting(self, category: str | Enum) -> Iterator[Recipient]:
        """Those who get a category now, whatever happens while they are gone through."""
        with self._lock:
            self._end(int(time.time()))
            return iter(self._index.matching(category))

    def count(self, category: str | Enum) -> int:
        """How many they are."""
        with self._lock:
            self._end(int(time.time()))
            return len(self._index.matching(category))

    def _end(self, now: int) -> None:
        while self._ends and self._ends[0][0] <= now:
            _, session_id = heapq.heappop(self._ends)
            self._ending.discard(session_id)
            self.leave(session_id)


class _Indexed(Recipients):
    """Recipients that are read from the index."""

    def __init__(self, live: _Live, category: str | Enum) -> None:
        self._live = live
        self._category = category

    def __iter__(self) -> Iterator[Recipient]:
        return self._live.wanting(self._category)

    def count(self) -> int:
        return self._live.count(self._category)

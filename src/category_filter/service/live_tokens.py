"""The index of the push tokens of live sessions."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from threading import RLock
from typing import TYPE_CHECKING

from category_filter import FilterIndex

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from enum import Enum

    from category_filter import CategoryFilter
    from category_filter.service.recipients import Recipient

__all__ = ["LiveTokens"]

_SECONDS_PER_HOUR = 3_600


class LiveTokens:
    """A thread-safe index of push tokens, each of which expires with its session."""

    def __init__(self) -> None:
        self._lock = RLock()
        self._index = FilterIndex[int]()
        self._recipients: dict[int, Recipient] = {}
        self._expirations = _Expirations()

    def set(self, recipient: Recipient, f: CategoryFilter) -> None:
        """Set the recipient of a session, replacing its current one."""
        session_id = recipient.session_id
        with self._lock:
            if session_id not in self._recipients:
                self._expirations.add(recipient.ends_at, session_id)
            self._recipients[session_id] = recipient
            self._index[session_id] = f

    def discard(self, session_id: int) -> None:
        """Delete the recipient of a session, if it has one."""
        with self._lock:
            if self._recipients.pop(session_id, None) is not None:
                del self._index[session_id]

    def matching(self, category: str | Enum, now: int) -> Iterator[Recipient]:
        """Iterate over the current recipients by session id, whatever is written meanwhile."""
        with self._lock:
            self._expire(now)
            session_ids = sorted(self._index.matching(category))
            return iter([self._recipients[session_id] for session_id in session_ids])

    def count(self, category: str | Enum, now: int) -> int:
        """Return the number of current recipients of a category."""
        with self._lock:
            self._expire(now)
            return len(self._index.matching(category))

    def _expire(self, now: int) -> None:
        for session_id in self._expirations.pop_until(now, self._ends_at):
            self.discard(session_id)

    def _ends_at(self, session_id: int) -> int | None:
        recipient = self._recipients.get(session_id)
        return recipient.ends_at if recipient else None


class _Expirations:
    """Session ids by expiration: unsorted per hour, and sorted once that hour has come.

    A heap of pairs would take 100 bytes more per session.
    """

    def __init__(self) -> None:
        self._later: defaultdict[int, set[int]] = defaultdict(set)
        self._soon: list[tuple[int, int]] = []  # sorted, the next one last
        self._hour = 0

    def add(self, ends_at: int, session_id: int) -> None:
        """Add a session id, at most once."""
        hour = ends_at // _SECONDS_PER_HOUR
        if hour > self._hour:
            self._later[hour].add(session_id)
            return
        entry = (-ends_at, session_id)
        place = bisect_left(self._soon, entry)
        if self._soon[place : place + 1] != [entry]:
            self._soon.insert(place, entry)

    def pop_until(self, now: int, ends_at: Callable[[int], int | None]) -> Iterator[int]:
        """Remove the ids that have expired, and iterate over them.

        Args:
            now: The time, in seconds since 1970.
            ends_at: A function that returns when a session ends, or None if it is gone.
        """
        hour = now // _SECONDS_PER_HOUR
        if hour > self._hour:
            self._hour = hour
            for past in [each for each in self._later if each <= hour]:
                for session_id in self._later.pop(past):
                    end = ends_at(session_id)
                    if end is not None:
                        self._soon.append((-end, session_id))
            self._soon.sort()
        while self._soon and -self._soon[-1][0] <= now:
            yield self._soon.pop()[1]

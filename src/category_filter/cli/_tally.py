"""Count rows, distinct filters and errors while a file is rewritten, in bounded memory."""

from __future__ import annotations

from collections import Counter
from heapq import nsmallest
from threading import Lock
from typing import TYPE_CHECKING

from category_filter._messages import counted

if TYPE_CHECKING:
    from collections.abc import Iterable

    import polars as pl

__all__ = ["Tally"]

_MAX_COUNTED = 1_000_000
"""Maximum number of distinct filters, and of distinct errors, that are counted."""

_MAX_LISTED = 5
"""Number of errors in the summary."""


class Tally:
    """The counts of rows, filters and errors so far."""

    def __init__(self) -> None:
        self.rows = 0
        self.invalid = 0
        self.unknown = 0
        self.hashes: set[int] = set()
        self.errors: Counter[str] = Counter()
        self.stopped = False
        self._lock = Lock()  # the engine calls `add` from several threads

    def add(self, distinct: Iterable[str | None], unknown: pl.Series, errors: pl.Series) -> None:
        """Count the rows of a batch.

        Args:
            distinct: The distinct filters.
            unknown: The unknown names of each row, or null.
            errors: The error of each row, or null.

        Raises:
            InterruptedError: If `stopped` is set.
        """
        if self.stopped:
            raise InterruptedError
        given = errors.drop_nulls()
        messages = given.value_counts().rows()
        with self._lock:
            if len(self.hashes) <= _MAX_COUNTED:
                self.hashes.update(hash(text) for text in distinct if text is not None)
            for message, count in messages:
                if message in self.errors or len(self.errors) < _MAX_COUNTED:
                    self.errors[message] += count
            self.invalid += len(given)
            self.unknown += unknown.count()
            self.rows += len(errors)

    def summary(self) -> str:
        """Return the counts, and the most common errors, one per line."""
        distinct = counted(len(self.hashes), "distinct filter")
        if len(self.hashes) > _MAX_COUNTED:
            distinct = f"more than {counted(_MAX_COUNTED, 'distinct filter')}"
        first = f"{counted(self.rows, 'row')}, {distinct}, {counted(self.invalid, 'invalid row')}"
        if self.unknown:
            first += f", {counted(self.unknown, 'row')} with unknown names"
        lines = [first]
        common = nsmallest(_MAX_LISTED, self.errors.items(), lambda item: (-item[1], item[0]))
        for message, count in common:
            lines.append(f"{count:>9,} {message}")
        return "\n".join(lines)

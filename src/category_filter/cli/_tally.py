"""Count rows, distinct filters and errors while a file is rewritten, in bounded memory."""

from __future__ import annotations

import time
from collections import Counter
from concurrent.futures import wait
from typing import TYPE_CHECKING

from rich.progress import TextColumn

from category_filter.cli._output import counted
from category_filter.cli._progress import progress_bar

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from concurrent.futures import Future

    import polars as pl

__all__ = ["Tally"]

_MAX_COUNTED = 1_000_000
"""Maximum number of distinct filters, and of distinct errors, that are counted."""

_MAX_LISTED = 5
"""Number of errors in the summary."""

_UPDATE_INTERVAL_S = 0.2


class Tally:
    """What the rows of a file held so far."""

    def __init__(self) -> None:
        self.rows = 0
        self.invalid = 0
        self.hashes: set[int] = set()
        self.errors: Counter[str] = Counter()
        self.stopped = False

    def count(
        self, parts: Iterable[pl.DataFrame], filter_column: str, error_column: str
    ) -> Iterator[pl.DataFrame]:
        """Count the rows of each part as it passes through.

        Raises:
            InterruptedError: If `watch` was interrupted.
        """
        for part in parts:
            if self.stopped:
                raise InterruptedError
            if len(self.hashes) <= _MAX_COUNTED:
                self.hashes.update(map(hash, part[filter_column].unique().drop_nulls()))
            errors = part[error_column].drop_nulls()
            for message, count in errors.value_counts().iter_rows():
                if message in self.errors or len(self.errors) < _MAX_COUNTED:
                    self.errors[message] += count
            self.invalid += len(errors)
            self.rows += len(part)
            yield part

    def watch(self, job: Future[None]) -> None:
        """Show the progress of the job that consumes `count`, and stop it on an interruption."""
        bar = progress_bar(
            TextColumn("{task.completed:,} rows"), TextColumn("{task.fields[rate]} rows/s")
        )
        task = bar.add_task("precomputing", total=None, rate="")
        start = time.monotonic()
        try:
            with bar:
                while not wait([job], timeout=_UPDATE_INTERVAL_S).done:
                    rate = f"{self.rows / (time.monotonic() - start):,.0f}"
                    bar.update(task, completed=self.rows, rate=rate)
        except BaseException:
            self.stopped = True
            raise
        job.result()

    def summary(self) -> str:
        """Return the counts, and the most common errors, one per line."""
        distinct = counted(len(self.hashes), "distinct filter")
        if len(self.hashes) > _MAX_COUNTED:
            distinct = f"more than {counted(_MAX_COUNTED, 'distinct filter')}"
        lines = [f"{counted(self.rows, 'row')}, {distinct}, {counted(self.invalid, 'invalid row')}"]
        for message, count in self.errors.most_common(_MAX_LISTED):
            lines.append(f"{count:>9,} {message}")
        return "\n".join(lines)

"""The progress bar."""

from __future__ import annotations

import time
from concurrent.futures import wait
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)

if TYPE_CHECKING:
    from concurrent.futures import Future
    from typing import TextIO

    from category_filter.cli._tally import Tally

__all__ = ["progress_bar", "rows_bar", "watch"]

_UPDATE_INTERVAL_S = 0.2


def progress_bar(*columns: ProgressColumn, stream: TextIO | None = None) -> Progress:
    """Return a progress bar on standard error or a copy of it. Only a terminal shows it."""
    console = Console(stderr=True, file=stream)
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        *columns,
        console=console,
        transient=True,
        # Through the bar's console, a line would take 400 times as long, and be wrapped.
        redirect_stdout=False,
        redirect_stderr=False,
        disable=not console.file.isatty(),
    )


def rows_bar(stream: TextIO) -> Progress:
    """Return a progress bar that counts rows."""
    bar = progress_bar(
        TextColumn("{task.completed:,} rows"),
        TextColumn("{task.fields[rate]} rows/s"),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        stream=stream,
    )
    bar.add_task("precomputing", total=None, rate="")
    return bar


def watch(job: Future[object], tally: Tally, bar: Progress) -> None:
    """Show the progress of a job that counts its rows, and stop it on an interruption."""
    (task,) = bar.task_ids
    start = time.monotonic()
    try:
        with bar:
            while not wait([job], timeout=_UPDATE_INTERVAL_S).done:
                rate = f"{tally.rows / (time.monotonic() - start):,.0f}"
                bar.update(task, completed=tally.rows, rate=rate)
    except BaseException:
        tally.stopped = True
        raise
    job.result()

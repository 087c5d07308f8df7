"""The progress bar."""

from __future__ import annotations

import sys
import time
from concurrent.futures import wait
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, TextColumn

if TYPE_CHECKING:
    from concurrent.futures import Future

    from category_filter.cli._tally import Tally

__all__ = ["progress_bar", "watch"]

_UPDATE_INTERVAL_S = 0.2


def progress_bar(*columns: ProgressColumn) -> Progress:
    """Return a progress bar on standard error, disabled unless that is a terminal."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        *columns,
        console=Console(stderr=True),
        transient=True,
        # Through the bar's console, a line would take 400 times as long, and be wrapped.
        redirect_stdout=False,
        redirect_stderr=False,
        disable=not sys.stderr.isatty(),
    )


def watch(job: Future[object], tally: Tally) -> None:
    """Show the progress of a job that counts its rows, and stop it on an interruption."""
    bar = progress_bar(
        TextColumn("{task.completed:,} rows"), TextColumn("{task.fields[rate]} rows/s")
    )
    task = bar.add_task("precomputing", total=None, rate="")
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

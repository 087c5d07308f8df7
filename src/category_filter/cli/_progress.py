"""The progress bar."""

from __future__ import annotations

import sys

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, TextColumn

__all__ = ["progress_bar"]


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

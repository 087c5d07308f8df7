"""`category-filter check`: validate a file with one filter per line."""

from __future__ import annotations

import codecs
import json
import sys
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from category_filter._filter import CategoryFilter
from category_filter._messages import counted
from category_filter._parser import MAX_LENGTH
from category_filter.cli._options import CATEGORIES, Format, FormatOption, read_categories
from category_filter.cli._output import json_data
from category_filter.errors import CategoryFilterError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

__all__ = ["check"]

_STDIN = Path("-")

_MAX_LINE_BYTES = 4 * MAX_LENGTH + 2
"""The longest valid line in UTF-8, with its line end. The rest of a longer one is skipped."""

_LINES_PER_UPDATE = 10_000
"""Lines between updates of the progress bar; a shorter file shows none."""

_ERASE_LINE = "\r\x1b[2K"
"""Erases the progress bar, which is drawn again below."""


def check(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="A UTF-8 file with one filter per line; - or nothing for standard input.",
        ),
    ] = _STDIN,
    categories: Annotated[str | None, CATEGORIES] = None,
    output: FormatOption = Format.TEXT,
) -> None:
    """Print the canonical form of every valid line, and report every invalid one.

    Results go to standard output, errors and a summary to standard error.
    Lines and columns count from 1, as in editors; a "position" in JSON counts from 0.
    Names are validated only if you pass --categories.

    Exit status: 0 if every line is valid, 1 if one is not, 2 for wrong usage.
    """
    from rich.progress import TaskProgressColumn, TimeRemainingColumn

    from category_filter.cli._progress import progress_bar

    parse = CategoryFilter if categories is None else read_categories(categories).parse
    valid = invalid = done = 0
    with ExitStack() as stack:
        name, size, stream = "<stdin>", None, sys.stdin.buffer
        if file != _STDIN:
            name, size = str(file), file.stat().st_size
            stream = stack.enter_context(file.open("rb"))
        bar = progress_bar(TaskProgressColumn(), TimeRemainingColumn())
        bar.disable = bar.disable or sys.stdout.isatty()  # the results themselves show progress
        task = bar.add_task("checking", total=size)
        stack.callback(bar.stop)
        for number, (line, length) in enumerate(_read_lines(stream), start=1):
            try:
                result: CategoryFilter | CategoryFilterError = parse(line)
                valid += 1
            except CategoryFilterError as error:
                result = error
                invalid += 1
            if isinstance(result, CategoryFilter):
                # A canonical form needs no JSON escapes, and `json.dumps` takes half the time.
                record = f'{{"line": {number}, "canonical": "{result}"}}'
                sys.stdout.write(f"{record if output is Format.JSON else result}\n")
            elif output is Format.JSON:
                sys.stdout.write(json.dumps({"line": number, **json_data(result)}) + "\n")
            else:
                erase = _ERASE_LINE if bar.live.is_started else ""
                place = f"{name}:{number}:{result.position + 1}"  # 1-based, as in editors
                sys.stderr.write(f"{erase}{place}: {result.summary()}\n")
            done += length
            if number % _LINES_PER_UPDATE == 0:
                bar.start()
                bar.update(task, completed=done)
    total = counted(valid + invalid, "line")
    typer.echo(f"{total}: {valid:,} valid, {invalid:,} invalid", err=True)
    if invalid:
        raise typer.Exit(1)


def _read_lines(stream: BinaryIO) -> Iterator[tuple[str, int]]:
    """Iterate over the lines without their ends, and their lengths in bytes."""
    read = partial(stream.readline, _MAX_LINE_BYTES)
    line = read().removeprefix(codecs.BOM_UTF8)
    while line:
        yield line.rstrip(b"\r\n").decode("utf-8", "surrogateescape"), len(line)
        while line and not line.endswith(b"\n"):  # skip the rest of a line that is too long
            line = read()
        line = read()

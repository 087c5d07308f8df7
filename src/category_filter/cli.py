"""The command line: what a filter means, and which lines of a file are filters."""

from __future__ import annotations

import codecs
import json
import os
import signal
import sys
import tomllib
from contextlib import ExitStack, suppress
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from category_filter import Categories, CategoryFilter, navixy
from category_filter._parser import MAX_LENGTH
from category_filter.errors import (
    CategoryFilterError,
    FilterSyntaxError,
    UnknownCategoryError,
    quoted,
)

try:
    import typer
    from rich import box
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        Progress,
        TaskProgressColumn,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.table import Table
    from rich.text import Text
except ModuleNotFoundError as error:
    raise SystemExit(
        f"category-filter: {error.name} is missing: pip install 'category-filter[cli]'"
    ) from None

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

__all__ = ["app", "main"]

_STDIN = Path("-")

_LONGEST_LINE = 4 * MAX_LENGTH + 2
"""In bytes, with its end: what is longer has too many characters in any encoding of UTF-8."""

_UPDATE_EVERY = 10_000
"""Lines between two looks at the progress bar; a file that has fewer needs none."""

_ERASE_LINE = "\r\x1b[2K"
"""What takes a progress bar off the terminal's line, until it is drawn again below."""


class Format(StrEnum):
    """How results are printed."""

    TEXT = "text"
    JSON = "json"


app = typer.Typer(
    help="Filters of notification categories: explain one, or check a file of them.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

_CATEGORIES = typer.Option(
    "--categories",
    metavar="SET",
    help="The known categories: navixy, names separated by commas, or a file"
    " (.toml and .json: names with labels; any other: a name a line).",
)


def _complete(ctx: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """What a shell offers for a filter that has been begun: the known names."""
    from category_filter.integrations.click import CategoryFilterParamType  # noqa: PLC0415 - rarely

    with suppress(typer.BadParameter):
        known = _known_set(ctx.params.get("categories") or "navixy")
        return CategoryFilterParamType(known).complete(incomplete)
    return []


FormatOption = Annotated[Format, typer.Option("--format", help="How to print the results.")]


# A filter that begins with a minus would be an unknown option; `--` says that it is none, and
# whoever forgets it is understood all the same.
@app.command(context_settings={"ignore_unknown_options": True})
def explain(
    text: Annotated[
        str,
        typer.Argument(
            metavar="TEXT",
            help="The filter, in quotes; put -- before one that begins with a minus.",
            autocompletion=_complete,
        ),
    ],
    categories: Annotated[str, _CATEGORIES] = "navixy",
    output: FormatOption = Format.TEXT,
) -> None:
    """Say what a filter means, category by category.

    Example: category-filter explain -- '-history_task,history_rule'

    Exit status: 0 if the filter is good, 1 if it is not, 2 for wrong usage.
    """
    known = _known_set(categories)
    try:
        wanted = known.parse(text)
    except CategoryFilterError as error:
        if output is Format.JSON:
            typer.echo(json.dumps(_data(error)))
        else:
            typer.echo(str(error), err=True)
            if isinstance(error, UnknownCategoryError):
                typer.echo(f"known: {', '.join(known)} (--categories chooses others)", err=True)
        raise typer.Exit(1) from None
    if output is Format.JSON:
        typer.echo(json.dumps(_explanation(wanted, known)))
    else:
        _print_explanation(wanted, known)


@app.command()
def check(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="One filter a line, in UTF-8; standard input if it is - or missing.",
        ),
    ] = _STDIN,
    categories: Annotated[str | None, _CATEGORIES] = None,
    output: FormatOption = Format.TEXT,
) -> None:
    """Print the canonical text of every line, and report every line that is no filter.

    Canonical texts go to standard output, mistakes and a summary to standard error. Names are
    checked only if --categories says which are known.

    Exit status: 0 if every line is good, 1 if some line is not, 2 for wrong usage.
    """
    parse = CategoryFilter if categories is None else _known_set(categories).parse
    good = bad = done = 0
    with ExitStack() as stack:
        name, size, stream = "<stdin>", None, sys.stdin.buffer
        if file != _STDIN:
            name, size = str(file), file.stat().st_size
            stream = stack.enter_context(file.open("rb"))
        bar = _bar()
        task = bar.add_task("checking", total=size)
        stack.callback(bar.stop)
        for number, (line, length) in enumerate(_lines(stream), start=1):
            try:
                result: CategoryFilter | CategoryFilterError = parse(line)
                good += 1
            except CategoryFilterError as error:
                result = error
                bad += 1
            if isinstance(result, CategoryFilter):
                # JSON escapes nothing in a canonical text; `json.dumps` would take half the time.
                record = f'{{"line": {number}, "canonical": "{result}"}}'
                sys.stdout.write(f"{record if output is Format.JSON else result}\n")
            elif output is Format.JSON:
                sys.stdout.write(json.dumps({"line": number, **_data(result)}) + "\n")
            else:
                erase = _ERASE_LINE if bar.live.is_started else ""
                where = f"{name}:{number}:{result.position + 1}"  # from 1, as editors count
                sys.stderr.write(f"{erase}{where}: {result.explained()}\n")
            done += length
            if number % _UPDATE_EVERY == 0:
                bar.start()
                bar.update(task, completed=done)
    lines = "1 line" if good + bad == 1 else f"{good + bad:,} lines"
    typer.echo(f"{lines}: {good:,} good, {bad:,} bad", err=True)
    if bad:
        raise typer.Exit(1)


def main() -> None:
    """Run the command line as a process of its own."""
    with suppress(AttributeError):  # Windows has no such signal
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    try:
        try:
            app()
        finally:
            sys.stdout.flush()
    except OSError as error:
        # What could not be written must not be tried again when Python exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        where = f"{error.filename}: " if error.filename else ""
        typer.echo(f"category-filter: {where}{error.strerror}", err=True)
        sys.exit(2)


def _known_set(option: str) -> Categories:
    """The set that `--categories` names."""
    if option == "navixy":
        return navixy.CATEGORIES
    file = Path(option)
    kind = file.suffix.lower()
    try:
        if not (file.is_file() or kind in {".toml", ".json", ".txt"}):
            return Categories(name.strip() for name in option.split(","))
        text = file.read_text("utf-8-sig")
        if kind == ".toml":
            return Categories(tomllib.loads(text))
        if kind == ".json":
            return Categories(json.loads(text))
        return Categories(line.strip() for line in text.splitlines() if line.strip())
    except (OSError, TypeError, ValueError, RecursionError) as error:
        reason = (
            f"{quoted(error.text)}: {error.message}"
            if isinstance(error, CategoryFilterError)
            else error
        )
        raise typer.BadParameter(f"{option}: {reason}", param_hint="--categories") from None


def _lines(stream: BinaryIO) -> Iterator[tuple[str, int]]:
    """Each line without its end, and its length in bytes; no more than one is held at a time."""
    read = partial(stream.readline, _LONGEST_LINE)
    line = read().removeprefix(codecs.BOM_UTF8)
    while line:
        yield line.rstrip(b"\r\n").decode("utf-8", "surrogateescape"), len(line)
        while line and not line.endswith(b"\n"):  # the rest of a line that is too long
            line = read()
        line = read()


def _bar() -> Progress:
    """A bar for a person who waits: on a terminal that does not show the results themselves."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
        # A line through the bar's console would cost 400 times as much, and be wrapped.
        redirect_stdout=False,
        redirect_stderr=False,
        disable=sys.stdout.isatty() or not sys.stderr.isatty(),
    )


def _data(result: CategoryFilter | CategoryFilterError) -> dict[str, object]:
    if isinstance(result, CategoryFilter):
        return {"canonical": str(result)}
    data: dict[str, object] = {
        "code": result.code,
        "message": result.message,
        "position": result.position,
    }
    if isinstance(result, FilterSyntaxError):
        data["suggestion"] = result.suggestion
    if isinstance(result, UnknownCategoryError):
        data["unknown"] = [name._asdict() for name in result.unknown]
    return {"error": data}


def _explanation(wanted: CategoryFilter, known: Categories) -> dict[str, object]:
    return {
        **_data(wanted),
        "names": sorted(wanted.names),
        "allows_unlisted": wanted.allows_unlisted,
        "categories": [
            {"name": name, "label": label, "allowed": wanted.allows(name)}
            for name, label in known.labels.items()
        ],
    }


def _print_explanation(wanted: CategoryFilter, known: Categories) -> None:
    match wanted.allows_unlisted, bool(wanted.names):
        case True, True:
            meaning = "every category except these"
        case True, False:
            meaning = "every category"
        case False, True:
            meaning = "only these categories"
        case _:
            meaning = "no category at all"
    table = Table("category", "allowed", "label", box=box.SIMPLE, pad_edge=False)
    for name, label in known.labels.items():
        table.add_row(name, _yes_or_no(wanted.allows(name)), Text(label))
    table.add_row("any other", _yes_or_no(wanted.allows_unlisted), style="dim")
    console = Console(highlight=False, markup=False, emoji=False, soft_wrap=True)
    console.print(f"{wanted}: {meaning}")
    console.print(table)


def _yes_or_no(allowed: bool) -> Text:  # noqa: FBT001 - the one thing that it is about
    return Text("yes", "green") if allowed else Text("no", "red")

"""The command line: what a filter means, and which lines of a file are filters."""

from __future__ import annotations

import codecs
import json
import sys
import tomllib
from contextlib import nullcontext
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
    did_you_mean,
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

_SHORT_FILE = 1 << 20
"""In bytes: what takes no time worth a progress bar."""

_UPDATE_EVERY = 10_000
"""Lines between two looks at the progress bar, which costs more than a line."""


class Format(StrEnum):
    """How results are printed."""

    TEXT = "text"
    JSON = "json"


app = typer.Typer(
    help="Filters of notification categories: explain one, or check a file of them.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

CategoriesOption = Annotated[
    str,
    typer.Option(
        "--categories",
        metavar="SET",
        help="The known categories: navixy, names separated by commas, or a file"
        " (.toml and .json: names with labels; .txt: a name a line).",
    ),
]
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
        ),
    ],
    categories: CategoriesOption = "navixy",
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
            typer.echo(json.dumps({"error": _error_data(error)}))
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
    categories: CategoriesOption = "",
    output: FormatOption = Format.TEXT,
) -> None:
    """Print the canonical text of every line, and report every line that is no filter.

    Canonical texts go to standard output, mistakes and a summary to standard error. Names are
    checked only if --categories says which are known.

    Exit status: 0 if every line is good, 1 if some line is not, 2 for wrong usage.
    """
    parse = _known_set(categories).parse if categories else CategoryFilter
    report = _report_json if output is Format.JSON else _report_text
    try:
        source = nullcontext(sys.stdin.buffer) if file == _STDIN else file.open("rb")
    except OSError as error:
        raise typer.BadParameter(f"{file}: {error.strerror}", param_hint="FILE") from None
    name, size = ("<stdin>", None) if file == _STDIN else (str(file), file.stat().st_size)
    good = bad = read = 0
    with source as stream, _progress(size) as progress:
        task = progress.add_task("checking", total=size)
        for number, (line, length) in enumerate(_lines(stream), start=1):
            try:
                report(name, number, parse(line))
                good += 1
            except CategoryFilterError as error:
                report(name, number, error)
                bad += 1
            read += length
            if number % _UPDATE_EVERY == 0:
                progress.update(task, completed=read)
    typer.echo(f"{good + bad:,} lines: {good:,} good, {bad:,} bad", err=True)
    if bad:
        raise typer.Exit(1)


def main() -> None:
    """Run the command line."""
    app()


def _known_set(option: str) -> Categories:
    """The set that `--categories` names."""
    path = Path(option)
    try:
        if option == "navixy":
            return navixy.CATEGORIES
        match path.suffix:
            case ".toml":
                return Categories(tomllib.loads(path.read_text("utf-8")))
            case ".json":
                return Categories(json.loads(path.read_bytes()))
            case ".txt":
                return Categories(path.read_text("utf-8").split())
            case _:
                return Categories(name.strip() for name in option.split(","))
    except (OSError, TypeError, ValueError) as error:
        raise typer.BadParameter(str(error), param_hint="--categories") from None


def _lines(stream: BinaryIO) -> Iterator[tuple[str, int]]:
    """Each line without its end, and its length in bytes; no more than one is held at a time."""
    read = partial(stream.readline, _LONGEST_LINE)
    line = read().removeprefix(codecs.BOM_UTF8)
    while line:
        yield line.rstrip(b"\r\n").decode("utf-8", "surrogateescape"), len(line)
        while line and not line.endswith(b"\n"):  # the rest of a line that is too long
            line = read()
        line = read()


def _progress(size: int | None) -> Progress:
    """A bar for a person who waits: on a terminal that does not show the results themselves."""
    short = size is not None and size < _SHORT_FILE
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
        redirect_stdout=False,  # each line would cost 400 times as much
        disable=short or sys.stdout.isatty() or not sys.stderr.isatty(),
    )


def _report_text(name: str, number: int, result: CategoryFilter | CategoryFilterError) -> None:
    if isinstance(result, CategoryFilter):
        sys.stdout.write(f"{result}\n")
    else:
        advice = f"; {did_you_mean(repairs)}" if (repairs := _repairs(result)) else ""
        place = f"{name}:{number}:{result.position + 1}"
        sys.stderr.write(f"{place}: {result.message}{advice}\n")


def _report_json(_name: str, number: int, result: CategoryFilter | CategoryFilterError) -> None:
    found = (
        {"canonical": str(result)}
        if isinstance(result, CategoryFilter)
        else {"error": _error_data(result)}
    )
    sys.stdout.write(json.dumps({"line": number, **found}) + "\n")


def _repairs(error: CategoryFilterError) -> tuple[str, ...]:
    match error:
        case FilterSyntaxError(suggestion=str(suggestion)):
            return (suggestion,)
        case UnknownCategoryError(unknown=(first, *_)):
            return first.close
        case _:
            return ()


def _error_data(error: CategoryFilterError) -> dict[str, object]:
    data: dict[str, object] = {
        "code": error.code,
        "message": error.message,
        "position": error.position,
    }
    if isinstance(error, FilterSyntaxError):
        data["suggestion"] = error.suggestion
    if isinstance(error, UnknownCategoryError):
        data["unknown"] = [name._asdict() for name in error.unknown]
    return data


def _explanation(wanted: CategoryFilter, known: Categories) -> dict[str, object]:
    return {
        "canonical": str(wanted),
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
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"{wanted}: {meaning}", markup=False)
    console.print(table)


def _yes_or_no(allowed: bool) -> Text:  # noqa: FBT001 - the one thing that it is about
    return Text("yes", "green") if allowed else Text("no", "red")

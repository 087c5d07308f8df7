"""The command line: what a filter means, which lines or rows hold one, and the service."""

from __future__ import annotations

import codecs
import json
import os
import signal
import sys
import time
import tomllib
from collections import Counter
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager, suppress
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from category_filter import Categories, CategoryFilter, navixy
from category_filter._messages import quote
from category_filter._parser import MAX_LENGTH
from category_filter.errors import (
    CategoryFilterError,
    FilterSyntaxError,
    UnknownCategoryError,
)

try:
    import polars as pl
    import typer
    from rich import box
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        Progress,
        ProgressColumn,
        TaskProgressColumn,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.table import Table
    from rich.text import Text

    from category_filter import _files, batch
    from category_filter.integrations.click import CategoryFilterParamType
except ModuleNotFoundError as error:
    raise SystemExit(
        f"category-filter: {error.name} is missing: pip install 'category-filter[cli]'"
    ) from None

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator
    from concurrent.futures import Future
    from types import ModuleType
    from typing import BinaryIO, NoReturn

__all__ = ["app", "main"]

_STDIN = Path("-")

_LONGEST_LINE = 4 * MAX_LENGTH + 2
"""In bytes, with its end: what is longer has too many characters in any encoding of UTF-8."""

_UPDATE_EVERY = 10_000
"""Lines between two looks at the progress bar; a file that has fewer needs none."""

_LOOK_EVERY = 0.2
"""Seconds between two looks at a table that goes by."""

_MOST_COUNTED = 1_000_000
_MOST_SHOWN = 5

_ERASE_LINE = "\r\x1b[2K"
"""What takes a progress bar off the terminal's line, until it is drawn again below."""


class Format(StrEnum):
    """How results are printed."""

    TEXT = "text"
    JSON = "json"


app = typer.Typer(
    help="Filters of notification categories: explain one, check a file of them, precompute a"
    " table, or serve the API that they come from.",
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
    with suppress(typer.BadParameter):
        known = _known_set(ctx.params.get("categories") or "navixy")
        return CategoryFilterParamType(known).complete(incomplete)
    return []


_FILTER = CategoryFilterParamType()
DatabaseOption = Annotated[
    str,
    typer.Option(
        metavar="URL", help="An SQLite file, sqlite:///FILE, or postgresql://USER@HOST/NAME."
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
        bar = _bar(TaskProgressColumn(), TimeRemainingColumn())
        bar.disable = bar.disable or sys.stdout.isatty()  # which shows the results themselves
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
                sys.stderr.write(f"{erase}{where}: {result.summary()}\n")
            done += length
            if number % _UPDATE_EVERY == 0:
                bar.start()
                bar.update(task, completed=done)
    typer.echo(f"{_counted(good + bad, 'line')}: {good:,} good, {bad:,} bad", err=True)
    if bad:
        raise typer.Exit(1)


@app.command()
def precompute(  # noqa: PLR0913, PLR0917 - Typer's way to tell of options
    source: Annotated[
        Path, typer.Argument(metavar="IN", help="A table: .parquet, .csv, .ndjson or .jsonl.")
    ],
    target: Annotated[Path, typer.Argument(metavar="OUT", help="The same rows with new columns.")],
    categories: Annotated[str, _CATEGORIES] = "navixy",
    column: Annotated[
        str, typer.Option("--filter", metavar="COLUMN", help="The column of filters.")
    ] = "category_filter",
    missing: Annotated[
        CategoryFilter,
        typer.Option(parser=_FILTER, autocompletion=_FILTER.complete, help="The filter for null."),
    ] = CategoryFilter("*"),
    rejects: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where rows without a filter go too.")
    ] = None,
    mask: Annotated[bool, typer.Option(help="Add a mask, of 63 categories at most.")] = True,  # noqa: FBT002 - likewise
    suffix: Annotated[str, typer.Option(help="What to append to the new columns' names.")] = "",
    strict: Annotated[bool, typer.Option(help="Exit with 1 if some row holds no filter.")] = False,  # noqa: FBT002 - likewise
) -> None:
    """Add what each row's filter means: canonical, mask, unknown and error.

    All is read as it is needed, and written beside OUT, which is replaced in the end, or not at
    all. A CSV file holds texts: in it, what is empty is null.

    Exit status: 0, or 1 if a row holds no filter and --strict is given, 2 for wrong usage.
    """
    if rejects is not None and rejects.resolve() in {source.resolve(), target.resolve()}:
        _fail(f"{rejects}: the rejects need a file of their own")
    known = _known_set(categories)
    tally = _Tally()

    def meanings(table: pl.DataFrame) -> pl.DataFrame:
        return batch.precompute(table, known, column, mask=mask, suffix=suffix, missing=missing)

    try:
        for path in (target, rejects or target):
            _files.kind(path)  # sooner than later
        table = _files.scan(source)
        schema = meanings(table.collect_schema().to_frame()).schema
        parts = tally.counted(map(meanings, _files.batches(table)), column, f"error{suffix}")
        with ExitStack() as stack:
            new = stack.enter_context(_files.replacing(target))
            with ThreadPoolExecutor(1) as writer:
                tally.watch(writer.submit(_files.write_parts, parts, schema, new, target))
            if rejects is not None:
                rejected = _files.scan(new, like=target, schema=schema).filter(
                    pl.col(f"error{suffix}").is_not_null()
                )
                part = stack.enter_context(_files.replacing(rejects))
                _files.write(rejected, part, like=rejects)
    except pl.exceptions.PolarsError as error:
        _fail(f"{source} to {target}: {str(error).splitlines()[0]}")
    except (TypeError, ValueError) as error:
        _fail(str(error))
    typer.echo(tally.summary(), err=True)
    if strict and tally.bad:
        raise typer.Exit(1)


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="The address to listen at.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65_535, help="The port; 0 for any that is free.")
    ] = 8000,
    database: DatabaseOption = "sqlite:///push_tokens.db",
) -> None:
    """Serve the push-token API that the language comes from.

    Its calls are described at /docs. Requests are not logged: their addresses may hold hashes.
    """
    with _service() as service:
        service.serve(database, host=host, port=port)


session = typer.Typer(help="Who may bind a push token.", no_args_is_help=True)
app.add_typer(session, name="session")


@session.command("create")
def create_session(
    hash_: Annotated[
        str | None,
        typer.Option(
            "--hash", metavar="H", help="32 hexadecimal digits; random ones, if none are given."
        ),
    ] = None,
    days: Annotated[int, typer.Option(min=1, max=36_500, help="How long it lasts.")] = 30,
    database: DatabaseOption = "sqlite:///push_tokens.db",
) -> None:
    """Create a session and print its hash, which is stored nowhere."""
    with _service() as service:
        engine = service.connect(database)
        try:
            typer.echo(service.Sessions(engine).create(hash_, days=days))
        finally:
            engine.dispose()


@contextmanager
def _service() -> Generator[ModuleType]:
    """The service; and why it, or its database, cannot be used."""
    try:
        from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415 - the other commands start sooner

        from category_filter import service  # noqa: PLC0415 - likewise
    except ModuleNotFoundError as error:
        _fail(f"{error.name} is missing: pip install 'category-filter[service]'")
    try:
        yield service
    except (service.ApiError, SQLAlchemyError, ValueError) as error:
        _fail(str(getattr(error, "orig", error)).splitlines()[0])


class _Tally:
    """What was seen of a table that goes by, in memory that does not grow with it."""

    def __init__(self) -> None:
        self.rows = 0
        self.bad = 0
        self.texts: set[int] = set()
        self.errors: Counter[str] = Counter()
        self.stopped = False

    def counted(
        self, parts: Iterable[pl.DataFrame], column: str, error: str
    ) -> Iterator[pl.DataFrame]:
        """The parts as they come, until nobody waits for them any more."""
        for part in parts:
            if self.stopped:
                raise InterruptedError
            if len(self.texts) <= _MOST_COUNTED:
                self.texts.update(map(hash, part[column].unique().drop_nulls()))
            bad = part[error].drop_nulls()
            for message, count in bad.value_counts().iter_rows():
                if message in self.errors or len(self.errors) < _MOST_COUNTED:
                    self.errors[message] += count
            self.bad += len(bad)
            self.rows += len(part)
            yield part

    def watch(self, job: Future[None]) -> None:
        """Show how far a job has come, and stop it if it is no longer wanted."""
        bar = _bar(TextColumn("{task.completed:,} rows"), TextColumn("{task.fields[rate]} rows/s"))
        task = bar.add_task("precomputing", total=None, rate="")
        start = time.monotonic()
        try:
            with bar:
                while not wait([job], timeout=_LOOK_EVERY).done:
                    rate = f"{self.rows / (time.monotonic() - start):,.0f}"
                    bar.update(task, completed=self.rows, rate=rate)
        except BaseException:
            self.stopped = True
            raise
        job.result()

    def summary(self) -> str:
        """Rows, distinct texts, bad rows, and the commonest errors."""
        texts = f"{len(self.texts):,}"
        if len(self.texts) > _MOST_COUNTED:
            texts = f"more than {_MOST_COUNTED:,}"
        lines = [
            f"{_counted(self.rows, 'row')}, {texts} distinct filter{'s' * (texts != '1')}, "
            + _counted(self.bad, "bad row")
        ]
        for message, count in self.errors.most_common(_MOST_SHOWN):
            lines.append(f"{count:>9,} {message}")
        return "\n".join(lines)


def main() -> None:
    """Run the command line as a process of its own."""
    signal.signal(signal.SIGTERM, _terminate)
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
        typer.echo(f"category-filter: {where}{error.strerror or error}", err=True)
        sys.exit(2)


def _fail(reason: str) -> NoReturn:
    typer.echo(f"category-filter: {reason}", err=True)
    raise typer.Exit(2) from None


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'s' * (count != 1)}"


def _terminate(number: int, frame: object) -> None:  # noqa: ARG001 - Python passes it
    """End as Ctrl-C does, with everything put away."""
    sys.exit(128 + number)


def _known_set(option: str) -> Categories:
    """The set that `--categories` names."""
    if option == "navixy":
        return navixy.CATEGORIES
    file = Path(option)
    kind = file.suffix.lower()
    try:
        # Many names are too long for that of a file, of which `Path.is_file` would complain.
        if not (os.path.isfile(file) or kind in {".toml", ".json", ".txt"}):  # noqa: PTH113
            return Categories(name.strip() for name in option.split(","))
        text = file.read_text("utf-8-sig")
        if kind == ".toml":
            return Categories(tomllib.loads(text))
        if kind == ".json":
            return Categories(json.loads(text))
        return Categories(line.strip() for line in text.splitlines() if line.strip())
    except (OSError, TypeError, ValueError, RecursionError) as error:
        reason = (
            f"{quote(error.text)}: {error.message}"
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


def _bar(*columns: ProgressColumn) -> Progress:
    """A bar for a person who waits, and who sees standard error."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        *columns,
        console=Console(stderr=True),
        transient=True,
        # A line through the bar's console would cost 400 times as much, and be wrapped.
        redirect_stdout=False,
        redirect_stderr=False,
        disable=not sys.stderr.isatty(),
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

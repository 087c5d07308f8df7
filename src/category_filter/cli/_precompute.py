"""`category-filter precompute`: add what each row's filter means to a file."""

from __future__ import annotations

from os.path import realpath
from pathlib import Path  # noqa: TC003 - Typer evaluates the annotations
from typing import Annotated

import typer

from category_filter._filter import CategoryFilter
from category_filter.cli._options import CATEGORIES, complete_filter, read_categories
from category_filter.cli._output import fail, requires
from category_filter.errors import CategoryFilterError

__all__ = ["precompute"]


def precompute(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="IN",
            help="A .parquet, .csv, .tsv, .ndjson or .jsonl file, a folder of Parquet files,"
            " or - for standard input. Text files may end in .gz or .zst.",
        ),
    ],
    target: Annotated[
        Path,
        typer.Argument(
            metavar="OUT",
            help="The file for the rows with the new columns, or - for standard output.",
        ),
    ],
    categories: Annotated[str, CATEGORIES] = "navixy",
    filter_column: Annotated[
        str, typer.Option("--filter-column", metavar="COLUMN", help="The column of filters.")
    ] = "category_filter",
    missing: Annotated[
        str,
        typer.Option(metavar="FILTER", autocompletion=complete_filter, help="The filter for null."),
    ] = "*",
    rejects: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A file for a copy of the invalid rows.")
    ] = None,
    source_format: Annotated[
        str | None,
        typer.Option("--from", metavar="FORMAT", help="The format of IN, for example tsv."),
    ] = None,
    target_format: Annotated[
        str | None,
        typer.Option("--to", metavar="FORMAT", help="The format of OUT, for example tsv."),
    ] = None,
    separator: Annotated[
        str, typer.Option(metavar="CHAR", help="The delimiter of CSV files.")
    ] = ",",
    mask: Annotated[bool, typer.Option(help="Add a mask, for at most 63 categories.")] = True,
    suffix: Annotated[str, typer.Option(help="A suffix for the names of the new columns.")] = "",
    strict: Annotated[bool, typer.Option(help="Exit with 1 if any row is invalid.")] = False,
) -> None:
    """Add the columns canonical, mask, unknown and error to a file of subscriptions.

    Rows are read and written in batches. OUT is replaced when it is complete.
    All columns of a CSV file are strings; an empty unquoted field is null.

    Exit status: 0, or 1 with --strict if a row is invalid, 2 for wrong usage.
    """
    with requires("cli"):
        from category_filter.cli._formats import FileFormat
        from category_filter.cli._rewrite import rewrite

    if rejects is not None and realpath(rejects) in {realpath(source), realpath(target)}:
        fail(f"{rejects}: --rejects must differ from IN and OUT")
    try:
        default = CategoryFilter(missing)
    except CategoryFilterError as error:
        raise typer.BadParameter(error.summary(), param_hint="--missing") from None
    try:
        source_file = source, FileFormat.of(source, separator, "--from", source_format)
        targets = [(target, FileFormat.of(target, separator, "--to", target_format))]
        if rejects is not None:
            targets.append((rejects, FileFormat.of(rejects, separator)))
    except ValueError as error:
        fail(str(error))
    tally = rewrite(
        source_file,
        targets,
        read_categories(categories),
        filter_column=filter_column,
        missing=default,
        mask=mask,
        suffix=suffix,
    )
    typer.echo(tally.summary(), err=True)
    if tally.invalid and rejects is None:
        typer.echo("pass --rejects FILE to copy the invalid rows to a separate file", err=True)
    if tally.unknown:
        typer.echo(
            f"see the unknown names in column unknown{suffix};"
            " pass --categories to set the known ones",
            err=True,
        )
    if strict and tally.invalid:
        raise typer.Exit(1)

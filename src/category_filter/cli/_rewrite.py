"""Rewrite a file with the new columns, a batch of rows at a time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING

import polars as pl

from category_filter import batch
from category_filter.batch._meanings import Meanings
from category_filter.batch._polars import encode, is_pattern
from category_filter.cli._csv import REASON
from category_filter.cli._files import STREAM, open_source, open_target
from category_filter.cli._formats import check_types, sink
from category_filter.cli._output import engine_silenced, fail
from category_filter.cli._progress import rows_bar, watch
from category_filter.cli._scan import count_rows, scan
from category_filter.cli._tally import Tally

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from category_filter._filter import CategoryFilter
    from category_filter.categories import Categories
    from category_filter.cli._formats import FileFormat

__all__ = ["added_columns", "rewrite"]


def rewrite(
    source: tuple[Path, FileFormat],
    targets: Sequence[tuple[Path, FileFormat]],
    categories: Categories,
    *,
    filter_column: str,
    missing: CategoryFilter,
    mask: bool,
    suffix: str,
) -> Tally:
    """Write the rows of a file with the new columns.

    Args:
        source: The file to read.
        targets: The file to write, and optionally another one for a copy of the invalid rows.
        categories: The known set.
        filter_column: The column of filters.
        missing: The filter for nulls.
        mask: Whether to add the mask.
        suffix: A suffix for the names of the new columns.
    """
    tally = Tally()
    meanings = Meanings(filter_column, categories, missing, mask=mask, suffix=suffix)
    error_column = f"error{suffix}"
    path, file_format = source
    name = "<stdin>" if path == STREAM else str(path)
    try:
        with ExitStack() as stack:
            terminal = stack.enter_context(engine_silenced())
            path = stack.enter_context(open_source(path))
            rows = stack.enter_context(scan(path, name, file_format))
            reasons = {REASON} & {*rows.collect_schema()}
            given = rows.drop(reasons).collect_schema().to_frame()
            _check_column(filter_column, given.columns, name)
            schema = batch.precompute(  # validates the types of the columns
                given, categories, filter_column=filter_column, mask=mask, suffix=suffix
            ).schema
            for target, target_format in targets:
                check_types(target, target_format, schema)
            new = {name: dtype for name, dtype in schema.items() if name not in given.columns}
            added = max(given.columns, key=len) + "_"  # longer than any other name
            safe = f"{added}_" if is_pattern(filter_column) else filter_column
            struct = pl.map_batches(
                [safe, *reasons],
                partial(added_columns, meanings=meanings, tally=tally),
                return_dtype=pl.Struct(new),
                is_elementwise=True,
            )
            rows = rows.rename({filter_column: safe}).with_columns(struct.alias(added))
            table = rows.drop(reasons).unnest(added).rename({safe: filter_column})
            tables = [table, table.filter(pl.col(error_column).is_not_null())]
            sinks = [
                sink(part, stack.enter_context(open_target(target)), target_format)
                for part, (target, target_format) in zip(tables, targets, strict=False)
            ]
            bar = rows_bar(terminal)
            if not bar.disable:
                bar.update(bar.task_ids[0], total=count_rows(path, file_format))
            with ThreadPoolExecutor(1) as writer:
                watch(writer.submit(pl.collect_all, sinks), tally, bar)
    except pl.exceptions.PanicException as error:
        fail(f"{name}: internal error of Polars: {str(error).splitlines()[0]}")
    except pl.exceptions.PolarsError as error:
        fail(f"{name}: {str(error).splitlines()[0]}")
    except (TypeError, ValueError) as error:
        fail(str(error).splitlines()[0])
    return tally


def _check_column(wanted: str, columns: Sequence[str], name: str) -> None:
    """Raise an error if a column is missing, and name the option to pass."""
    if wanted in columns:
        return
    missing = f"{name}: no column {wanted!r}"
    if len(columns) == 1:
        for delimiter in "\t;|,":
            if delimiter in columns[0]:
                option = "--from tsv" if delimiter == "\t" else f"--separator '{delimiter}'"
                raise ValueError(f"{missing}, only {columns[0]!r}: pass {option}")
    choices = ", ".join(map(repr, columns))
    raise ValueError(f"{missing}: pass --filter-column with one of {choices}")


def added_columns(columns: Sequence[pl.Series], *, meanings: Meanings, tally: Tally) -> pl.Series:
    """Return a struct of the new columns, and count the rows.

    Args:
        columns: The filters, and optionally the reasons why rows are invalid.
        meanings: The new columns by filter.
        tally: The counts.
    """
    filters, *reasons = columns
    texts, numbers = encode(filters)
    values = zip(meanings.schema.items(), meanings.columns(texts), strict=True)
    found = pl.DataFrame(
        [
            pl.Series(name, value, pl.DataType.from_python(dtype)).gather(numbers)
            for (name, dtype), value in values
        ]
    )
    *_, unknown, error = meanings.schema
    for reason in reasons:
        invalid = {
            name: pl.lit(0 if dtype is int else None) for name, dtype in meanings.schema.items()
        }
        invalid[error] = pl.lit(reason)
        found = found.with_columns(
            pl.when(reason.is_null()).then(name).otherwise(value).alias(name)
            for name, value in invalid.items()
        )
    tally.add(texts, found[unknown], found[error])
    return found.to_struct()

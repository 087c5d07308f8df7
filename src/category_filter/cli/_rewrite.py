"""Rewrite a file with the new columns, a batch of rows at a time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import TYPE_CHECKING

import polars as pl

from category_filter import batch
from category_filter.cli._csv import REASON
from category_filter.cli._files import STREAM, open_source, open_target
from category_filter.cli._formats import sink
from category_filter.cli._output import fail
from category_filter.cli._progress import watch
from category_filter.cli._scan import scan
from category_filter.cli._tally import Tally

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from category_filter._filter import CategoryFilter
    from category_filter.categories import Categories
    from category_filter.cli._formats import FileFormat

__all__ = ["rewrite"]

_ADDED = "category_filter__added"


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
    error_column = f"error{suffix}"

    def add_columns(rows: pl.DataFrame) -> pl.DataFrame:
        return batch.precompute(
            rows,
            categories,
            filter_column=filter_column,
            mask=mask,
            suffix=suffix,
            missing=missing,
        )

    def added(columns: Sequence[pl.Series]) -> pl.Series:
        filters, *reasons = columns
        found = add_columns(filters.to_frame()).drop(filter_column)
        for reason in reasons:
            invalid = dict.fromkeys(found.columns, pl.lit(None))
            invalid |= {f"mask{suffix}": pl.lit(0)} if mask else {}
            found = found.with_columns(
                pl.when(reason.is_null()).then(name).otherwise(value).alias(name)
                for name, value in (invalid | {error_column: pl.lit(reason)}).items()
            )
        tally.add(filters, found[error_column])
        return found.to_struct()

    path, file_format = source
    try:
        with ExitStack() as stack:
            name = "<stdin>" if path == STREAM else str(path)
            path = stack.enter_context(open_source(path))
            rows = stack.enter_context(scan(path, name, file_format))
            empty = rows.drop(REASON, strict=False).collect_schema().to_frame()
            new = add_columns(empty).drop(empty.columns).collect_schema()
            columns = [filter_column, *({REASON} & {*rows.collect_schema()})]
            struct = pl.map_batches(
                columns, added, return_dtype=pl.Struct(new), is_elementwise=True
            )
            table = rows.with_columns(struct.alias(_ADDED)).drop(REASON, strict=False)
            table = table.unnest(_ADDED)
            tables = [table, table.filter(pl.col(error_column).is_not_null())]
            sinks = [
                sink(part, stack.enter_context(open_target(target)), target_format)
                for part, (target, target_format) in zip(tables, targets, strict=False)
            ]
            with ThreadPoolExecutor(1) as writer:
                watch(writer.submit(pl.collect_all, sinks), tally)
    except pl.exceptions.PolarsError as error:
        fail(f"{name}: {str(error).splitlines()[0]}")
    except (TypeError, ValueError) as error:
        fail(str(error).splitlines()[0])
    return tally

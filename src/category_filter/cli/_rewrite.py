"""Rewrite a file with the new columns, a batch of rows at a time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import TYPE_CHECKING

import polars as pl

from category_filter import batch
from category_filter.cli import _files
from category_filter.cli._output import fail
from category_filter.cli._tally import Tally

if TYPE_CHECKING:
    from pathlib import Path

    from category_filter._filter import CategoryFilter
    from category_filter.categories import Categories

__all__ = ["rewrite"]


def rewrite(
    source: Path,
    target: Path,
    categories: Categories,
    *,
    filter_column: str,
    missing: CategoryFilter,
    rejects: Path | None,
    mask: bool,
    suffix: str,
) -> Tally:
    """Write the rows of a file with the new columns, and the invalid ones again to `rejects`."""
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

    try:
        for path in (target, rejects or target):
            _files.file_format(path)  # fail before reading anything
        table = _files.scan(source)
        schema = add_columns(table.collect_schema().to_frame()).schema
        parts = map(add_columns, _files.batches(table))
        counted = tally.count(parts, filter_column, error_column)
        with ExitStack() as stack:
            new = stack.enter_context(_files.atomic_write(target))
            with ThreadPoolExecutor(1) as writer:
                tally.watch(writer.submit(_files.write_parts, counted, schema, new, target))
            if rejects is not None:
                invalid = _files.scan(new, like=target, schema=schema).filter(
                    pl.col(error_column).is_not_null()
                )
                part = stack.enter_context(_files.atomic_write(rejects))
                _files.write(invalid, part, like=rejects)
    except pl.exceptions.PolarsError as error:
        fail(f"{source} to {target}: {str(error).splitlines()[0]}")
    except (TypeError, ValueError) as error:
        fail(str(error))
    return tally

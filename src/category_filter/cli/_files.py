"""Read and write tables, in the format that a file's extension names."""

from __future__ import annotations

import os
from contextlib import contextmanager
from errno import ENOENT
from secrets import token_hex
from typing import TYPE_CHECKING

import polars as pl
from polars.io.plugins import register_io_source

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path

__all__ = ["EXTENSIONS", "atomic_write", "batches", "file_format", "scan", "write", "write_parts"]

EXTENSIONS = (".parquet", ".csv", ".ndjson", ".jsonl")

_BATCH_ROWS = 250_000
"""Rows per batch. About two batches are in memory at a time."""


def scan(path: Path, like: Path | None = None, schema: pl.Schema | None = None) -> pl.LazyFrame:
    """Open a file lazily.

    All columns of a CSV file are strings, so that no value changes. An empty field is null, but a
    quoted empty field is an empty string. An NDJSON file is read twice unless you pass its schema,
    because a column may be null in all rows but the last.

    Args:
        path: The file.
        like: A path whose extension names the format, if not `path`.
        schema: The schema of an NDJSON file.

    Raises:
        ValueError: If the extension is unknown.
    """
    match file_format(like or path):
        case ".parquet":
            return pl.scan_parquet(path)
        case ".csv":
            return pl.scan_csv(path, infer_schema=False)
        case _:
            return pl.scan_ndjson(path, schema=schema, infer_schema_length=None)


def batches(table: pl.LazyFrame) -> Iterator[pl.DataFrame]:
    """Iterate over the rows in order, a batch at a time."""
    return table.collect_batches(chunk_size=_BATCH_ROWS, maintain_order=True)


def write(table: pl.LazyFrame, path: Path, like: Path) -> None:
    """Write a table, in the format that the extension of `like` names."""
    match file_format(like):
        case ".parquet":
            table.sink_parquet(path)
        case ".csv":
            table.sink_csv(path)
        case _:
            table.sink_ndjson(path)


def write_parts(parts: Iterator[pl.DataFrame], schema: pl.Schema, path: Path, like: Path) -> None:
    """Write dataframes of the same schema one after another."""

    def read(*_: object) -> Iterator[pl.DataFrame]:  # the arguments are optional optimizations
        return parts

    write(register_io_source(read, schema=schema), path, like)


@contextmanager
def atomic_write(path: Path) -> Generator[Path]:
    """Return a temporary path in the same folder, which replaces the file on success."""
    if not path.parent.is_dir():
        raise FileNotFoundError(ENOENT, os.strerror(ENOENT), str(path))
    new = path.with_name(f".{path.name}.{token_hex(4)}.part")
    try:  # an interruption can come before the file exists
        yield new
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)


def file_format(path: Path) -> str:
    """Return the format of a file: its extension in lower case.

    Raises:
        ValueError: If it is not one of `EXTENSIONS`.
    """
    extension = path.suffix.lower()
    if extension not in EXTENSIONS:
        raise ValueError(f"{path}: the extension must be one of {', '.join(EXTENSIONS)}")
    return extension

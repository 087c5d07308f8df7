"""Tables in files, by extension: read in batches, and written whole or not at all."""

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

__all__ = ["EXTENSIONS", "batches", "kind", "replacing", "scan", "write", "write_parts"]

EXTENSIONS = (".parquet", ".csv", ".ndjson", ".jsonl")

_BATCH = 250_000
"""Rows that are in memory at a time, twice or so."""


def scan(path: Path, like: Path | None = None, schema: pl.Schema | None = None) -> pl.LazyFrame:
    """A file, to be read in the format that its extension says, or another path's.

    A CSV file holds texts, and nothing but texts, so that none of them is changed: what is empty is
    null, and what is empty in quotes is an empty text. An NDJSON file is read twice, unless its
    schema is known: its last row may have a value where all others have none.

    Raises:
        ValueError: Its extension is none of `EXTENSIONS`.
    """
    match kind(like or path):
        case ".parquet":
            return pl.scan_parquet(path)
        case ".csv":
            return pl.scan_csv(path, infer_schema=False)
        case _:
            return pl.scan_ndjson(path, schema=schema, infer_schema_length=None)


def batches(table: pl.LazyFrame) -> Iterator[pl.DataFrame]:
    """The rows in their order, a part at a time."""
    return table.collect_batches(chunk_size=_BATCH, maintain_order=True)


def write(table: pl.LazyFrame, path: Path, like: Path) -> None:
    """Write a table, in the format that another path's extension says."""
    match kind(like):
        case ".parquet":
            table.sink_parquet(path)
        case ".csv":
            table.sink_csv(path)
        case _:
            table.sink_ndjson(path)


def write_parts(parts: Iterator[pl.DataFrame], schema: pl.Schema, path: Path, like: Path) -> None:
    """Write tables of the same columns one after another."""

    def read(*_: object) -> Iterator[pl.DataFrame]:  # Polars says what it would do without
        return parts

    write(register_io_source(read, schema=schema), path, like)


@contextmanager
def replacing(path: Path) -> Generator[Path]:
    """A new file beside another, which it replaces if all goes well, and else is gone."""
    if not path.parent.is_dir():
        raise FileNotFoundError(ENOENT, os.strerror(ENOENT), str(path))
    new = path.with_name(f".{path.name}.{token_hex(4)}.part")
    try:  # whatever comes, also before there is a file
        yield new
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)


def kind(path: Path) -> str:
    """The format of a file, which is its extension.

    Raises:
        ValueError: It is none of `EXTENSIONS`.
    """
    extension = path.suffix.lower()
    if extension not in EXTENSIONS:
        raise ValueError(f"{path}: the extension is none of {', '.join(EXTENSIONS)}")
    return extension

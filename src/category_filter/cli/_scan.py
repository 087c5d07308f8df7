"""Read tables lazily, and find the line of a broken row."""

from __future__ import annotations

import glob
from contextlib import contextmanager
from typing import TYPE_CHECKING

import polars as pl

from category_filter.cli._csv import scan_csv
from category_filter.cli._files import spool
from category_filter.cli._lines import first_invalid, open_text, read_lines

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from category_filter.cli._formats import FileFormat

__all__ = ["count_rows", "scan"]

_HIDDEN = (".", "_")
"""Prefixes of the files in a folder that are not data."""

_PARQUET = b"PAR1"
"""The first bytes of a Parquet file."""


@contextmanager
def scan(path: Path, name: str, file_format: FileFormat) -> Generator[pl.LazyFrame]:
    """Open a file or a folder of Parquet files lazily.

    Args:
        path: The file.
        name: Its name in messages.
        file_format: Its format.

    Raises:
        ValueError: If a row is invalid.
    """
    if file_format.kind == "parquet":
        _check_parquet(path, name)
        yield _scan_parquet(path)
    elif file_format.kind == "csv":
        yield scan_csv(path, name, file_format.separator)
    else:
        with _without_bom(path, name) as plain:
            try:
                yield _scan_ndjson(plain)
            except (pl.exceptions.PolarsError, OSError):  # OSError: broken compressed data
                _locate_error(plain, name)
                raise


def count_rows(path: Path, file_format: FileFormat) -> int:
    """Return the number of rows. For text formats, it is an estimate: the number of lines."""
    if file_format.kind == "parquet":
        lines = _scan_parquet(path)
    else:
        lines = pl.scan_lines(path.absolute(), glob=False)
    return int(lines.select(pl.len()).collect().item())


def _scan_parquet(path: Path) -> pl.LazyFrame:
    """Read a file, or the files of a folder except those that Spark hides."""
    hidden = [*_HIDDEN] if path.is_dir() else None
    return pl.scan_parquet(path.absolute(), glob=False, hidden_file_prefix=hidden)


def _check_parquet(path: Path, name: str) -> None:
    files = {name: path}
    if path.is_dir():
        found = {file.relative_to(path): file for file in path.rglob("*") if file.is_file()}
        files = {
            f"{name}/{inside}": file
            for inside, file in found.items()
            if not any(part.startswith(_HIDDEN) for part in inside.parts)
        }
    if not files:
        raise ValueError(f"{name}: no files in the folder")
    for file_name, file in files.items():
        with file.open("rb") as stream:
            if stream.read(len(_PARQUET)) != _PARQUET:
                raise ValueError(f"{file_name}: not a Parquet file")


def _scan_ndjson(path: Path) -> pl.LazyFrame:
    """Read the file twice, because a column may be null in all rows but the last."""
    literal = glob.escape(str(path.absolute()))
    schema = pl.scan_ndjson(literal, infer_schema_length=None).collect_schema()
    return pl.scan_ndjson(literal, schema=schema)


@contextmanager
def _without_bom(path: Path, name: str) -> Generator[Path]:
    """Return the path, or that of a copy without the byte order mark if there is one."""
    with open_text(path, name) as stream:
        if stream.tell() == 0:
            yield path
            return
        with spool(stream) as copy:
            yield copy


def _locate_error(path: Path, name: str) -> None:
    """Raise an error with the number of the first line that is not a JSON object, if any."""
    with open_text(path, name) as stream:
        if not stream.read(1):
            raise ValueError(f"{name}: the file is empty") from None
    for number, lines in read_lines(path, name):

        def is_valid(count: int) -> bool:
            text = lines[:count].str.join("\n").item()  # noqa: B023 - called in this iteration
            try:
                pl.read_ndjson(text.encode(), infer_schema_length=None)
            except pl.exceptions.PolarsError:
                return False
            return True

        if not is_valid(len(lines)):
            line = number + first_invalid(len(lines), is_valid)
            like = " like the rows before" if line > 1 else ""
            raise ValueError(f"{name}:{line}: not a JSON object{like}") from None

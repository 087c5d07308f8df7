"""Read tables lazily, and find the line of a broken row."""

from __future__ import annotations

import glob
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import polars as pl

from category_filter.cli._csv import scan_csv
from category_filter.cli._files import spool
from category_filter.cli._lines import first_invalid, open_text, read_lines

if TYPE_CHECKING:
    from collections.abc import Generator

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
        with _data_only(path, name) as data:
            yield pl.scan_parquet(data.absolute(), glob=False)
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
        lines = pl.scan_parquet([*_data_files(path).values()], glob=False)
    else:
        lines = pl.scan_lines(path.absolute(), glob=False)
    return int(lines.select(pl.len()).collect().item())


@contextmanager
def _data_only(path: Path, name: str) -> Generator[Path]:
    """Return the path of a Parquet file, or of a folder without hidden files and folders.

    Raises:
        ValueError: If a file is not a Parquet file, the folder has no files, or their columns
            differ.
    """
    files = _data_files(path)
    if not files:
        raise ValueError(f"{name}: no files in the folder")
    for inside, file in files.items():
        with file.open("rb") as stream:
            if stream.read(len(_PARQUET)) != _PARQUET:
                raise ValueError(f"{Path(name) / inside}: not a Parquet file")
    _check_same_columns(files, name)
    if not path.is_dir() or len(files) == sum(file.is_file() for file in path.rglob("*")):
        yield path
        return
    with TemporaryDirectory() as folder:
        for inside, file in files.items():
            link = Path(folder) / inside
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(file.absolute())
        yield Path(folder)


def _check_same_columns(files: dict[Path, Path], name: str) -> None:
    """Raise a ValueError if the Parquet files of a folder have different columns."""
    (first, path), *others = files.items()
    expected = pl.scan_parquet(path, glob=False).collect_schema()
    for inside, file in others:
        schema = pl.scan_parquet(file, glob=False).collect_schema()
        for column in {**expected, **schema}:
            dtypes = schema.get(column, "missing"), expected.get(column, "missing")
            if dtypes[0] != dtypes[1]:
                raise ValueError(
                    f"{Path(name) / inside}: column {column!r} is {dtypes[0]}, but {dtypes[1]}"
                    f" in {first}: the files of a folder must have the same columns"
                )


def _data_files(path: Path) -> dict[Path, Path]:
    """Return a file, or the files of a folder that Spark does not hide, by their path inside it."""
    if not path.is_dir():
        return {Path(): path}
    found = {file.relative_to(path): file for file in sorted(path.rglob("*")) if file.is_file()}
    return {
        inside: file
        for inside, file in found.items()
        if not any(part.startswith(_HIDDEN) for part in inside.parts)
    }


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
            return _read_ndjson(lines[:count]) is not None  # noqa: B023 - called in this iteration

        if not is_valid(len(lines)):
            row = first_invalid(len(lines), is_valid)
            problem = _problem(_read_ndjson(lines[row : row + 1]), _read_ndjson(lines[:row]))
            raise ValueError(f"{name}:{number + row}: {problem}") from None


def _read_ndjson(lines: pl.Series) -> pl.DataFrame | None:
    """Read lines of JSON; return None if they are invalid."""
    try:
        text = lines.str.join("\n").item()
        return pl.read_ndjson(text.encode(), infer_schema_length=None)
    except pl.exceptions.PolarsError:
        return None


def _problem(row: pl.DataFrame | None, before: pl.DataFrame | None) -> str:
    """Return what is wrong with a row of JSON after some that are valid."""
    if row is None or before is None:
        return "not a JSON object"

    def is_invalid(column: str) -> bool:
        lines = [frame.select(column).write_ndjson().rstrip("\n") for frame in (before, row)]
        return _read_ndjson(pl.Series(lines)) is None

    column = max(set(row.columns) & set(before.columns), key=is_invalid)
    dtypes = row.schema[column], before.schema[column]
    return f"column {column!r} is {dtypes[0]}, but {dtypes[1]} in the rows before"

"""The formats of tables in files, and how to write them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

import polars as pl

if TYPE_CHECKING:
    from typing import BinaryIO

__all__ = ["FileFormat", "check_types", "sink"]

_KINDS: dict[str, Literal["parquet", "csv", "ndjson"]] = {
    ".parquet": "parquet",
    ".csv": "csv",
    ".tsv": "csv",
    ".ndjson": "ndjson",
    ".jsonl": "ndjson",
}

_COMPRESSIONS: dict[str, Literal["gzip", "zstd"]] = {".gz": "gzip", ".zst": "zstd"}
"""The compressions of text formats. Parquet has its own."""


class FileFormat(NamedTuple):
    """The format of a table in a file."""

    kind: Literal["parquet", "csv", "ndjson"]
    compression: Literal["uncompressed", "gzip", "zstd"] = "uncompressed"
    separator: str = ","

    @classmethod
    def of(
        cls, path: Path, separator: str, option: str | None = None, given: str | None = None
    ) -> FileFormat:
        """Return the format of a file.

        Args:
            path: The file, whose extension names the format.
            separator: The delimiter of a `.csv` file; a `.tsv` file has tabs.
            option: The option that names the format instead, if there is one.
            given: Its value, an extension without the leading dot, if it is used.

        Raises:
            ValueError: If the extension or the separator is invalid.
        """
        if given is None and path.is_dir():
            return cls("parquet")
        name = path if given is None else Path(f"_.{given}")
        compression = _COMPRESSIONS.get(name.suffix.lower())
        extension = (name.with_suffix("") if compression else name).suffix.lower()
        kind = _KINDS.get(extension)
        if kind is None or (compression and kind == "parquet"):
            hint = f"; or pass {option} FORMAT" if option and given is None else ""
            raise ValueError(
                f"{path if given is None else f'{option} {given}'}: unknown format:"
                f" use {', '.join(_KINDS)} (text formats also with .gz or .zst){hint}"
            )
        if len(separator.encode()) != 1 or separator.isalnum() or separator in '"\r\n':
            hint = ": for tabs, pass --from tsv or --to tsv" if separator == r"\t" else ""
            raise ValueError(
                "expected one ASCII character for --separator, other than letters, digits and"
                f" quotes, got {separator!r}{hint}"
            )
        return cls(kind, compression or "uncompressed", "\t" if extension == ".tsv" else separator)


def check_types(target: Path, file_format: FileFormat, schema: pl.Schema) -> None:
    """Raise a ValueError if a file cannot hold columns of these types."""
    if file_format.kind == "parquet":
        return
    cannot_hold = _not_in_csv if file_format.kind == "csv" else _has_bytes
    for name, dtype in schema.items():
        if cannot_hold(dtype):
            others = ".parquet" if _has_bytes(dtype) else ".parquet or .ndjson"
            raise ValueError(
                f"{target}: {file_format.kind.upper()} cannot hold column {name!r} of type"
                f" {dtype}: write {others}"
            )


def _not_in_csv(dtype: pl.DataType) -> bool:
    return dtype.is_nested() or isinstance(dtype, pl.Duration | pl.Binary)


def _has_bytes(dtype: object) -> bool:
    """Return whether a type is or contains bytes."""
    if isinstance(dtype, pl.List | pl.Array):
        return _has_bytes(dtype.inner)
    if isinstance(dtype, pl.Struct):
        return any(_has_bytes(field.dtype) for field in dtype.fields)
    return isinstance(dtype, pl.Binary)


def sink(table: pl.LazyFrame, target: Path | BinaryIO, file_format: FileFormat) -> pl.LazyFrame:
    """Return a query that writes the table."""
    kind, compression, separator = file_format
    if kind == "parquet":
        return table.sink_parquet(target, lazy=True)
    if kind == "csv":
        return table.sink_csv(
            target,
            separator=separator,
            compression=compression,
            check_extension=False,  # a temporary file has another
            lazy=True,
        )
    return table.sink_ndjson(target, compression=compression, check_extension=False, lazy=True)

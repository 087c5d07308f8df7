"""CSV files, read in batches. Unlike the engine alone, this detects blank and short lines.

A mark is appended to every record as its last field. The column that the mark is read into tells
how many fields the record has.
"""

from __future__ import annotations

import re
from collections import Counter
from secrets import token_hex
from typing import TYPE_CHECKING

import polars as pl
from polars.io.plugins import register_io_source

from category_filter._messages import counted
from category_filter.cli._lines import first_invalid, read_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

__all__ = ["REASON", "read_csv", "scan_csv"]

_MARK = f"\x1e{token_hex(4)}"
"""The last field of every record: the record separator and random digits, which no field equals."""

REASON = f"reason{_MARK}"
"""The column that says why a record is invalid; null otherwise. No file has this column."""

_QUOTED = re.compile(r'"[^"]*"')

_INVALID_QUOTES = "invalid quotes: quote the whole field, and double the quotes inside it"


def scan_csv(path: Path, name: str, separator: str) -> pl.LazyFrame:
    """Open a CSV file lazily, with the additional column `REASON`.

    All columns are strings, so that no value changes. An empty field is null, but a quoted empty
    field is an empty string.

    Args:
        path: The file.
        name: Its name in messages.
        separator: The delimiter.

    Raises:
        ValueError: If the file is empty.
    """
    schema, read = read_csv(path, name, separator)
    return register_io_source(read, schema=schema, is_pure=True)


def read_csv(
    path: Path, name: str, separator: str
) -> tuple[pl.Schema, Callable[..., Iterator[pl.DataFrame]]]:
    """Return the schema of `scan_csv`, and a function that reads batches."""
    for _, lines, ends in _read_records(path, name):
        header = lines[: ends.arg_true()[0] + 1]
        break
    else:
        raise ValueError(f"{name}: the file is empty")
    reader = _Reader(name, separator, "\n".join(header).removesuffix("\r"))

    def read(*_: object) -> Iterator[pl.DataFrame]:  # the arguments are optional optimizations
        for number, lines, ends in _read_records(path, name):
            skipped = len(header) if number == 1 else 0
            if skipped < len(lines):
                yield reader.read(number + skipped, lines[skipped:], ends[skipped:])

    return reader.schema, read


def _read_records(path: Path, name: str) -> Iterator[tuple[int, pl.Series, pl.Series]]:
    """Iterate over blocks of whole records.

    Yields:
        The number of the first line, the lines, and whether each of them ends a record.
    """
    number, rest = 1, pl.Series([], dtype=pl.String)
    for _, block in read_lines(path, name):
        lines = rest = pl.concat([rest, block])
        # A line feed is inside a field after an odd number of quotes.
        ends = lines.str.count_matches('"', literal=True).cum_sum() % 2 == 0
        if not ends.any():
            break
        length = ends.arg_true()[-1] + 1
        yield number, lines[:length], ends[:length]
        number, rest = number + length, lines[length:]
    if len(rest):
        raise ValueError(f"{name}:{number}: a quote is never closed")


class _Reader:
    """The parser of the records of one file."""

    def __init__(self, name: str, separator: str, header: str) -> None:
        self._name = name
        self._separator = separator
        self._check_line_ends(header, 1)
        self._suffix = f"{separator}{_MARK}\n"
        self._header = header + self._suffix
        apart = re.escape(separator) + r"\n"
        field = f'(?:[^"{apart}]*|"(?:[^"]|"")*")'
        self._valid_quotes = f"^{field}(?:[{apart}]{field})*$"
        if not self._has_valid_quotes(pl.Series([header])):
            raise ValueError(f"{name}:1: {_INVALID_QUOTES}")
        columns = self._parse("").columns[:-1]
        self._columns = [each.replace('""', '"') for each in columns]  # as the engine does not
        if not header.strip():
            raise ValueError(f"{name}:1: the first line is blank: it must name the columns")
        given = pl.read_csv(  # the engine renames duplicates
            self._header.encode(), separator=separator, has_header=False, infer_schema=False
        )
        names = Counter(each or "" for each in given.row(0)[:-1])
        repeated = ", ".join(repr(each) for each, count in names.items() if count > 1)
        if repeated:
            raise ValueError(f"{name}:1: duplicate column names: {repeated}")
        self.schema = pl.Schema(dict.fromkeys([*self._columns, REASON], pl.String))

    def read(self, number: int, lines: pl.Series, ends: pl.Series) -> pl.DataFrame:
        """Return the records as a dataframe.

        Args:
            number: The number of the first line.
            lines: The lines of whole records.
            ends: Whether each line ends a record.

        Raises:
            ValueError: If a record has too many fields, or its quotes or line ends are invalid.
        """
        contents = lines.str.strip_suffix("\r")
        marked = contents + self._suffix
        if not ends.all():
            marked = marked.zip_with(ends, lines + "\n")
        starts = ends.shift(1, fill_value=True).arg_true()  # the first line of each record
        if contents.str.contains("\r", literal=True).any():
            self._check_line_ends(contents.str.join("\n").item(), number)
        if not self._has_valid_quotes(contents):
            bounds = [*starts, len(lines)]
            index = first_invalid(
                len(starts), lambda n: self._has_valid_quotes(contents[: bounds[n]])
            )
            raise ValueError(f"{self._name}:{number + starts[index]}: {_INVALID_QUOTES}")
        frame = self._parse(marked.str.join("").item())
        # The index of the mark is the number of fields.
        width = len(self._columns)
        places = [pl.when(pl.nth(n) == _MARK).then(n) for n in range(width, 0, -1)]
        fields = frame.select(pl.coalesce(places)).to_series()
        if fields.has_nulls():
            hint = ": quote a list that contains commas" if self._separator == "," else ""
            raise ValueError(
                f"{self._name}:{number + starts[fields.is_null().arg_true()[0]]}:"
                f" more than {counted(width, 'field')}{hint}"
            )
        if (fields < width).any():  # null in place of the mark
            frame = frame.with_columns(
                pl.when(fields > index).then(pl.nth(index)) for index in range(width)
            )
        is_blank = pl.nth(0).is_null() & (fields == 1)
        reason = (
            pl.when(is_blank)
            .then(pl.lit("blank line"))
            .when(fields < width)
            .then(pl.format(f"short row: {{}} of {counted(width, 'field')}", fields))
        )
        columns = (pl.nth(index).alias(name) for index, name in enumerate(self._columns))
        return frame.select(*columns, reason.alias(REASON))

    def _has_valid_quotes(self, lines: pl.Series) -> bool:
        """Return whether fields are quoted as a whole. The engine would join `"a"b"c"`."""
        if not lines.str.contains('"', literal=True).any():
            return True
        return bool(lines.str.join("\n").str.contains(self._valid_quotes).item())

    def _check_line_ends(self, text: str, number: int) -> None:
        """Raise an error if a carriage return is outside quotes; the engine drops some of them."""
        unquoted = _QUOTED.sub(lambda match: "\n" * match[0].count("\n"), text)
        before, found, _ = unquoted.partition("\r")
        if found:
            line = number + before.count("\n")
            raise ValueError(
                f"{self._name}:{line}: a carriage return outside quotes:"
                " quote the field, or end the lines with line feeds"
            )

    def _parse(self, records: str) -> pl.DataFrame:
        return pl.read_csv(
            (self._header + records).encode(),
            separator=self._separator,
            infer_schema=False,
            truncate_ragged_lines=True,
        )

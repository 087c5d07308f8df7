"""The engines: recognize a dataframe, and check its columns."""

from __future__ import annotations

from collections import Counter
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, cast

import narwhals.stable.v2 as nw
from narwhals.exceptions import DuplicateError
from narwhals.stable.v2 import Implementation

from category_filter.batch._meanings import too_many_error

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from category_filter._filter import CategoryFilter
    from category_filter.batch._meanings import Meanings, Schema

__all__ = [
    "Columns",
    "Engine",
    "On",
    "Source",
    "Texts",
    "distinct",
    "kind_of",
    "read",
    "rereadable",
]

Texts = dict[str | None, int]
"""The distinct strings of a column, each with its number of rows. None stands for null."""


class Columns(NamedTuple):
    """The values of a new dataframe."""

    schema: Schema
    lists: dict[str, list[Any]]


class On(NamedTuple):
    """The join of subscriptions and events."""

    key: list[str]
    filters: str
    categories: str
    names: dict[str, str]
    """The subscriptions' columns outside the key, with their names in the result."""
    temporary: dict[str, str]
    """The same columns, with names that neither dataframe has."""
    missing: CategoryFilter


class Engine(Protocol):
    """The functions that each engine's module defines."""

    COLLECTS: bool
    """Whether distinct strings are collected, because a column cannot be mapped in batches."""

    IGNORES_CASE: bool
    """Whether column names are case-insensitive."""

    def add_columns(self, frame: Any, column: str, meanings: Meanings, texts: Texts) -> Any: ...
    def keep(self, frame: Any, column: str, f: CategoryFilter) -> Any: ...
    def counts(self, frame: Any, column: str, at_most: int) -> Texts: ...
    def has_values(self, frame: Any, column: str) -> bool: ...
    def from_columns(self, frame: Any, columns: Columns) -> Any: ...
    def join(self, subscriptions: Any, events: Any, on: On, texts: Texts) -> Any: ...


_MODULES = {
    Implementation.PANDAS: "_pandas",
    Implementation.POLARS: "_polars",
    Implementation.PYARROW: "_arrow",
    Implementation.DASK: "_dask",
    Implementation.DUCKDB: "_duckdb",
    Implementation.PYSPARK: "_spark",
    Implementation.PYSPARK_CONNECT: "_spark",
}

_CONVERSIONS = (
    *("to_spark", "to_frame", "to_arrow", "to_pyarrow", "to_arrow_table", "to_table", "to_polars"),
    *("modin.to_pandas", "to_pandas"),
)
"""Methods that convert other dataframes to a supported one, the best first."""

_DATASETS = {"Dataset", "FileSystemDataset", "InMemoryDataset", "UnionDataset"}

_STRINGS = (nw.String, nw.Categorical, nw.Enum)

_ANY = (nw.Object, nw.Unknown)


class Source(NamedTuple):
    """A dataframe, its engine and the names of its columns."""

    native: Any
    engine: Engine
    names: list[str]

    def find(self, name: str) -> str | None:
        """Return the column that a new column of this name would clash with."""
        key = str.casefold if self.engine.IGNORES_CASE else str
        names = {  # columns of pandas may have levels
            column: column[0] if isinstance(column, tuple) and not any(column[1:]) else column
            for column in self.names
        }
        return next((column for column in names if key(names[column]) == key(name)), None)


def read(native: Any, strings: str, *key: str, option: str = "filter_column") -> Source:
    """Recognize a dataframe, and check that it has these columns.

    Args:
        native: The dataframe.
        strings: The column of strings.
        key: The columns of the key.
        option: The argument that names the column of strings.

    Raises:
        TypeError: If this is not a supported dataframe, or the column does not hold strings.
        ValueError: If a column does not exist, or two have the same name.
    """
    module = type(native).__module__.partition(".")[0]
    is_stream = module == "pyarrow" and type(native).__name__ in {"RecordBatchReader", *_DATASETS}
    try:
        frame = nw.from_native(_empty_table(native.schema) if is_stream else native)
        name = _MODULES[frame.implementation]
    except (KeyError, TypeError):
        raise _unsupported(native) from None
    except DuplicateError as error:
        _, _, names = " ".join(str(error).split()).partition(": - ")
        raise ValueError(f"duplicate column names: {names}") from None
    engine = cast("Engine", import_module(f"category_filter.batch.{name}"))
    schema = frame.collect_schema()
    for column, argument in {**dict.fromkeys(key, "on"), strings: option}.items():
        if column not in schema:
            names = ", ".join(map(repr, schema))
            raise ValueError(f"no column {column!r}: pass {argument}= with one of {names}")
    if name in {"_duckdb", "_spark"}:
        _check_distinct(native.columns, str.lower if name == "_duckdb" else str)
    dtype = schema[strings]
    if (
        dtype not in _STRINGS
        and not (dtype in _ANY and name in {"_arrow", "_pandas"})  # they check each value
        and engine.has_values(native, strings)
    ):
        raise TypeError(f"column {strings!r} must hold strings, not {dtype}")
    return Source(native, engine, [*schema])


def _check_distinct(names: Sequence[str], key: Callable[[str], str]) -> None:
    """Raise an error for duplicate names, which joins in SQL can have."""
    counts = Counter(map(key, names))
    duplicates = [name for name in names if counts[key(name)] > 1]
    if duplicates:
        raise ValueError(f"duplicate column names: {', '.join(map(repr, duplicates))}")


def _empty_table(schema: Any) -> Any:
    return import_module("pyarrow").Table.from_batches([], schema)


def distinct(native: Any, engine: Engine, column: str, limit: int) -> Texts:
    """Return the distinct strings of a column, each with its number of rows.

    Raises:
        ValueError: If there are more than `limit`, without null.
    """
    texts = engine.counts(native, column, at_most=limit + 2)  # null, and one too many
    if len(texts) - (None in texts) > limit:
        raise too_many_error(column, limit)
    return texts


def kind_of(native: Any) -> object:
    """Return a key that is equal for dataframes that can be joined."""
    if type(native).__name__ in _DATASETS:
        return "Dataset"
    frame: object = nw.from_native(native, pass_through=True)
    return type(frame), getattr(frame, "implementation", None)


def rereadable(native: Any) -> Any:
    """Return a frame that can be read twice. A stream is read into memory."""
    if type(native).__name__ == "RecordBatchReader":
        return native.read_all()
    return native.to_table() if type(native).__name__ == "InMemoryDataset" else native


def _unsupported(native: object) -> TypeError:
    kind = type(native)
    name = kind.__qualname__
    if kind.__module__ != "builtins":
        name = f"{kind.__module__}.{name}"
    message = f"expected a pandas, Polars, PyArrow, DuckDB, Dask or PySpark dataframe, got {name}"
    if kind.__module__ == "pyarrow.lib":  # arrays and record batches
        given = "batch" if hasattr(kind, "schema") else "{name: array}"
        return TypeError(f"{message}: convert it with pyarrow.table({given})")
    for conversion in _CONVERSIONS:
        method: object = kind  # an instance may have any name, as those of dask.delayed
        for part in conversion.split("."):
            method = getattr(method, part, None)
        if callable(method):
            return TypeError(f"{message}: convert it with .{conversion}()")
    return TypeError(message)

"""Dataframes of any engine: validate them, read a column as strings, and create new ones."""

from __future__ import annotations

from typing import Any

import narwhals.stable.v2 as nw

__all__ = ["Columns", "Frame", "as_string", "new_frame_like", "read_frame"]

Frame = nw.DataFrame[Any] | nw.LazyFrame[Any]
Columns = dict[str, tuple[nw.dtypes.DType, list[Any]]]

_STRING_TYPES = (nw.String, nw.Categorical, nw.Enum, nw.Unknown)
"""The types of a column of strings. A column with nothing but nulls has the type unknown."""


def read_frame(native: Any, string_column: str, *other_columns: str) -> Any:
    """Wrap a dataframe, and check that it has these columns.

    Raises:
        TypeError: If this is not a dataframe, or the first column does not hold strings.
        ValueError: If a column does not exist.
    """
    try:
        frame = nw.from_native(native)
    except TypeError:
        raise TypeError(
            "expected a pandas, Polars, PyArrow, DuckDB, Dask or PySpark dataframe, got"
            f" {type(native).__name__}"
        ) from None
    if frame.implementation.is_pyarrow():  # it cannot group chunks with different dictionaries
        frame = nw.from_native(frame.to_native().unify_dictionaries())
    schema = frame.collect_schema()
    for column in (string_column, *other_columns):
        if column not in schema:
            raise ValueError(f"no column {column!r}: choose from {', '.join(map(repr, schema))}")
    if schema[string_column] not in _STRING_TYPES:
        raise TypeError(f"column {string_column!r} must hold strings, not {schema[string_column]}")
    return frame


def as_string(frame: Frame, column: str) -> nw.Expr:
    """Return a column as plain strings, even if it is encoded or has nothing but nulls."""
    expression = nw.col(column)
    return expression if frame.collect_schema()[column] == nw.String else expression.cast(nw.String)


def new_frame_like(frame: Frame, columns: Columns) -> Any:
    """Create a dataframe in the engine of another, and in the same session or connection."""
    backend = frame.implementation
    data = {name: values for name, (_, values) in columns.items()}
    schema = {name: dtype for name, (dtype, _) in columns.items()}
    if isinstance(frame, nw.DataFrame):
        return nw.from_dict(data, schema, backend=backend)
    table = nw.from_dict(data, schema, backend="polars" if backend.is_polars() else "pyarrow")
    native = frame.to_native()
    if backend.is_duckdb():
        category_filter__table = table.to_native()  # noqa: F841  # pyright: ignore[reportUnusedVariable] - the query refers to it by name
        query = "SELECT * FROM category_filter__table"
        return nw.from_native(native.query("category_filter__rows", query))
    if backend.is_pyspark():
        return table.lazy(backend, session=native.sparkSession)
    return table.lazy(backend)

"""Polars: columns are mapped batch by batch, so lazy frames stay lazy and keep their order."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import polars as pl
from polars import selectors

from category_filter.batch._meanings import listed_pairs, parse

if TYPE_CHECKING:
    from collections.abc import Sequence

    from category_filter._filter import CategoryFilter
    from category_filter.batch._engines import Columns, On, Texts
    from category_filter.batch._meanings import Meanings

_Frame = TypeVar("_Frame", pl.DataFrame, pl.LazyFrame)

COLLECTS = False
IGNORES_CASE = False

_DTYPES = {str: pl.String(), int: pl.Int64()}

_STRINGS: tuple[pl.DataType | type[pl.DataType], ...] = (
    pl.String,
    pl.Categorical,
    pl.Enum,
    pl.Null,
)


def encode(column: pl.Series) -> tuple[list[str | None], pl.Series]:
    """Return the distinct strings of a column and None, and each row's index in them."""
    name, column = column.name, column.alias("")  # methods take `*` and `^x$` for patterns, too
    if column.dtype not in _STRINGS:
        column = _nulls(column, name)
    column = column.cast(pl.String)
    distinct = column.unique().drop_nulls()
    texts = [*distinct, None]
    if len(texts) == 1:
        return texts, pl.repeat(0, len(column), dtype=pl.UInt32, eager=True)
    numbers = pl.Series(range(len(distinct)), dtype=pl.UInt32)
    rows = column.replace_strict(distinct, numbers, default=len(distinct), return_dtype=pl.UInt32)
    return texts, rows


def _nulls(column: pl.Series, name: str) -> pl.Series:
    given = column.fill_nan(None) if column.dtype.is_float() else column
    if given.null_count() < len(given):
        raise TypeError(f"column {name!r} must hold strings, not {column.dtype}")
    return pl.Series([None], dtype=pl.String).new_from_index(0, len(column))


def meanings_of(column: pl.Series, meanings: Meanings) -> pl.Series:
    """Return a struct of the columns that `precompute` adds."""
    texts, codes = encode(column)
    values = zip(meanings.schema.items(), meanings.columns(texts), strict=True)
    found = [
        pl.Series(name, value, _DTYPES[dtype]).gather(codes) for (name, dtype), value in values
    ]
    return pl.DataFrame(found).to_struct(column.name)


def allowed(columns: Sequence[pl.Series], missing: CategoryFilter) -> pl.Series:
    """Return whether each filter of the first column allows the category in the second."""
    filters, rows = encode(columns[0])
    categories, names = encode(columns[1])
    listed = listed_pairs((parse(text, missing) for text in filters), categories)
    pairs = rows.cast(pl.Int64) * listed.width + names
    unlisted = pl.Series(listed.unlisted, dtype=pl.Boolean).gather(rows)
    is_listed = pairs.is_in(pl.Series(listed.pairs, dtype=pl.Int64).implode())
    return (is_listed != unlisted) & (names < len(categories) - 1)


def struct_of(column: pl.Expr, meanings: Meanings) -> pl.Expr:
    """Return an expression for the struct of the columns that `precompute` adds."""
    return column.map_batches(
        partial(meanings_of, meanings=meanings),
        return_dtype=pl.Struct({name: _DTYPES[dtype] for name, dtype in meanings.schema.items()}),
        is_elementwise=True,
    )


def allows(filters: pl.Expr, categories: pl.Expr, missing: CategoryFilter) -> pl.Expr:
    """Return an expression for whether each filter allows a category."""
    return pl.map_batches(
        [filters, categories],
        partial(allowed, missing=missing),
        return_dtype=pl.Boolean,
        is_elementwise=True,
    )


def add_columns(frame: _Frame, column: str, meanings: Meanings, texts: Texts) -> _Frame:  # noqa: ARG001 - nothing is collected
    """Add the columns that `precompute` promises."""
    if isinstance(frame, pl.DataFrame):
        return frame.with_columns(meanings_of(frame[column], meanings).struct.unnest())
    struct = max(frame.collect_schema(), key=len) + "_"  # longer than any other name
    return frame.with_columns(struct_of(col(column), meanings).alias(struct)).unnest(struct)


def is_pattern(name: str) -> bool:
    """Return whether `pl.col` takes a name for a pattern."""
    return name == "*" or (name.startswith("^") and name.endswith("$"))


def col(name: str) -> pl.Expr:
    """Return a column of any name."""
    # Polars computes expressions of a selector once for each sink.
    return selectors.by_name(name).as_expr() if is_pattern(name) else pl.col(name)


def _text(frame: pl.DataFrame | pl.LazyFrame, column: str) -> pl.Expr:
    """Return a column as plain strings. If it has another type, it holds only nulls."""
    if frame.lazy().collect_schema()[column] in _STRINGS:
        return col(column).cast(pl.String)
    return pl.repeat(None, pl.len(), dtype=pl.String).alias(column)


def keep(frame: _Frame, column: str, f: CategoryFilter) -> _Frame:
    """Keep the rows whose category is allowed."""
    category = _text(frame, column)
    listed = category.is_in(sorted(f.names))
    return frame.filter(category.is_not_null() & (listed != f.allows_unlisted))


def counts(frame: _Frame, column: str, at_most: int) -> Texts:
    """Count the rows of each distinct string, of `at_most`."""
    text = _text(frame, column)
    found = frame.lazy().group_by(text).agg(pl.len().alias(f"{column}_")).head(at_most)
    return dict(found.collect().rows())


def has_values(frame: _Frame, column: str) -> bool:
    """Return whether a column that does not hold strings has anything but nulls."""
    values = frame.lazy().select(col(column))
    if values.collect_schema()[column].is_float():
        values = values.fill_nan(None)
    return bool(values.count().collect().item())


def from_columns(frame: Any, columns: Columns) -> Any:
    """Create a frame of the same type."""
    created = pl.DataFrame(columns.lists, columns.schema)
    return created if isinstance(frame, pl.DataFrame) else created.lazy()


def join(subscriptions: Any, events: Any, on: On, texts: Texts) -> Any:  # noqa: ARG001 - nothing is collected
    """Join events to the subscriptions with the same key whose filter allows the category."""
    key = [col(name) for name in on.key]
    pairs = events.join(subscriptions.rename(on.temporary), on=key, how="inner")
    filters = col(on.temporary.get(on.filters, on.filters))
    kept = pairs.filter(allows(filters, col(on.categories), on.missing))
    return kept.rename({on.temporary[name]: final for name, final in on.names.items()})

"""Dask: each partition is mapped as a pandas dataframe. The index and the order are kept."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import dask
import dask.dataframe as dd

from category_filter.batch import _pandas

if TYPE_CHECKING:
    from category_filter._filter import CategoryFilter
    from category_filter.batch._engines import Columns, On, Texts
    from category_filter.batch._meanings import Meanings


_dask: Any = dask  # it has few types
_dd: Any = dd

COLLECTS = False
IGNORES_CASE = False


def add_columns(frame: Any, column: str, meanings: Meanings, texts: Texts) -> Any:
    """Add the columns that `precompute` promises."""
    meta = _pandas.add_columns(frame._meta, column, meanings, texts)  # noqa: SLF001 - Dask's name for the empty frame
    return frame.map_partitions(_pandas.add_columns, column, meanings, {}, meta=meta)


def keep(frame: Any, column: str, f: CategoryFilter) -> Any:
    """Keep the rows whose category is allowed."""
    return frame.map_partitions(_pandas.keep, column, f, meta=frame._meta)  # noqa: SLF001 - Dask's name for the empty frame


def counts(frame: Any, column: str, at_most: int) -> Texts:
    """Count the rows of each distinct string."""
    parts = frame[[column]].to_delayed()
    count = _dask.delayed(_pandas.counts)
    total: Counter[str | None] = Counter()
    for found in _dask.compute(*(count(part, column, at_most) for part in parts)):
        total.update(found)
    return total


def has_values(frame: Any, column: str) -> bool:
    """Return whether a column that does not hold strings has anything but nulls."""
    return bool(frame[column].count().compute())


def from_columns(frame: Any, columns: Columns) -> Any:
    """Create a frame of the same type."""
    return _dd.from_pandas(_pandas.from_columns(frame, columns), npartitions=1)


def join(subscriptions: Any, events: Any, on: On, texts: Texts) -> Any:  # noqa: ARG001 - nothing is collected
    """Join events to the subscriptions with the same key whose filter allows the category."""
    left, right = (frame.dropna(subset=on.key) for frame in (events, subscriptions))
    pairs = left.merge(right.rename(columns=on.temporary), on=on.key)
    kept = pairs.map_partitions(
        _pandas.keep_allowed,
        on.temporary.get(on.filters, on.filters),
        on.categories,
        on.missing,
        meta=pairs._meta,  # noqa: SLF001 - Dask's name for the empty frame
    )
    return kept.rename(columns={on.temporary[name]: final for name, final in on.names.items()})

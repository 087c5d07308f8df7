"""Filter events by category."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from category_filter._filter import CategoryFilter
from category_filter.batch._engines import read

if TYPE_CHECKING:
    from narwhals.stable.v2.typing import IntoFrameT

__all__ = ["filter_events"]


def filter_events(
    events: IntoFrameT, f: str | CategoryFilter, *, category_column: str = "category"
) -> IntoFrameT:
    """Return the rows whose category a filter allows. A null category is never allowed.

    >>> import polars as pl
    >>> events = pl.DataFrame({"category": ["news", "ads", None], "title": ["A", "B", "C"]})
    >>> filter_events(events, "-ads")["title"].to_list()
    ['A']

    Args:
        events: A dataframe.
        f: The filter, as a string or a `CategoryFilter`.
        category_column: The column of categories.

    Raises:
        FilterSyntaxError: If the filter is invalid.
        TypeError: If `events` is not a dataframe, or the column does not hold strings.
        ValueError: If the column does not exist.
    """
    wanted = CategoryFilter(f)
    native, engine, _ = read(events, category_column, option="category_column")
    return cast("IntoFrameT", engine.keep(native, category_column, wanted))

"""Count the subscribers of each category."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, cast

import narwhals.stable.v2 as nw

from category_filter.batch._filters import EVERYTHING, LIMIT, FilterColumn
from category_filter.batch._frames import new_frame_like, read_frame

if TYPE_CHECKING:
    from narwhals.stable.v2.typing import IntoFrameT

    from category_filter._filter import CategoryFilter
    from category_filter.batch._filters import Invalid
    from category_filter.categories import Categories

__all__ = ["audience"]


def audience(
    subscriptions: IntoFrameT,
    categories: Categories,
    *,
    filter_column: str = "category_filter",
    missing: str | CategoryFilter = EVERYTHING,
    invalid: Invalid = "raise",
    limit: int = LIMIT,
) -> IntoFrameT:
    """Count the rows that allow each known category: columns `category` and `subscribers`.

    >>> import polars as pl
    >>> from category_filter import Categories
    >>> subscriptions = pl.DataFrame({"category_filter": ["-ads", "news", None]})
    >>> audience(subscriptions, Categories(["news", "ads", "log"])).rows()
    [('news', 3), ('ads', 1), ('log', 2)]

    Args:
        subscriptions: A dataframe.
        categories: The known set. The result has one row per category, in the same order.
        filter_column: The column of filters.
        missing: The filter for nulls.
        invalid: "raise" to raise on invalid filters, "deny" to treat them as `-*`.
        limit: The maximum number of distinct filters, which are held in memory.

    Raises:
        InvalidRowsError: If rows have an invalid filter and `invalid` is "raise".
        TypeError: If `subscriptions` is not a dataframe, or the column does not hold strings.
        ValueError: If the column does not exist, or there are too many distinct filters.
    """
    frame = read_frame(subscriptions, filter_column)
    column = FilterColumn.collect(frame, filter_column, missing, limit)
    unlisted = 0
    listed: Counter[str] = Counter()
    for f, rows in zip(column.filters(invalid), column.counts.values(), strict=True):
        unlisted += rows * f.allows_unlisted
        for name in f.names:
            listed[name] += -rows if f.allows_unlisted else rows
    result = new_frame_like(
        frame,
        {
            "category": (nw.String(), [*categories]),
            "subscribers": (nw.Int64(), [unlisted + listed[name] for name in categories]),
        },
    )
    return cast("IntoFrameT", result.to_native())

"""Count the subscribers of each category."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, cast

from category_filter.batch._engines import Columns, distinct, read
from category_filter.batch._invalid import parse_all
from category_filter.batch._meanings import EVERYTHING, LIMIT

if TYPE_CHECKING:
    from narwhals.stable.v2.typing import IntoFrameT

    from category_filter._filter import CategoryFilter
    from category_filter.batch._invalid import Invalid
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
    native, engine, _ = read(subscriptions, filter_column)
    texts = distinct(native, engine, filter_column, limit)
    unlisted = 0
    listed: Counter[str] = Counter()
    for f, rows in zip(
        parse_all(texts, filter_column, missing, invalid), texts.values(), strict=True
    ):
        unlisted += rows * f.allows_unlisted
        for name in f.names:
            listed[name] += -rows if f.allows_unlisted else rows
    columns = Columns(
        {"category": str, "subscribers": int},
        {
            "category": [*categories],
            "subscribers": [unlisted + listed[name] for name in categories],
        },
    )
    return cast("IntoFrameT", engine.from_columns(native, columns))

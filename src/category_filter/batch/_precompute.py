"""Precompute what each row's filter means."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from category_filter.batch._engines import distinct, read
from category_filter.batch._meanings import EVERYTHING, LIMIT, Meanings

if TYPE_CHECKING:
    from narwhals.stable.v2.typing import IntoFrameT

    from category_filter._filter import CategoryFilter
    from category_filter.categories import Categories

__all__ = ["check_mask", "precompute"]

_MASK_BITS = 63
"""The bits of a nonnegative int64."""


def precompute(
    subscriptions: IntoFrameT,
    categories: Categories,
    *,
    filter_column: str = "category_filter",
    mask: bool = True,
    suffix: str = "",
    missing: str | CategoryFilter = EVERYTHING,
    limit: int = LIMIT,
) -> IntoFrameT:
    """Return the same rows with four new columns: `canonical`, `mask`, `unknown` and `error`.

    >>> import polars as pl
    >>> from category_filter import Categories
    >>> subscriptions = pl.DataFrame({"category_filter": ["-ads", "old,news", None, "news;ads"]})
    >>> known = Categories(["news", "ads"])
    >>> for row in precompute(subscriptions, known).rows():
    ...     print(row)
    ('-ads', '-ads', 1, None, None)
    ('old,news', 'news,old', 1, 'old', None)
    (None, '*', 3, None, None)
    ('news;ads', None, 0, None, "write ',' instead of ';'; did you mean 'news,ads'?")

    A row with an invalid filter is kept: it gets the message in `error` and a mask that allows
    nothing. Unknown names are not an error; `unknown` lists them, separated by commas.

    Args:
        subscriptions: A dataframe.
        categories: The known set. Bit i of the mask, an int64, is category i.
        filter_column: The column of filters.
        mask: Whether to add the mask, which holds at most 63 categories.
        suffix: A suffix for the names of the new columns.
        missing: The filter for nulls.
        limit: The maximum number of distinct filters, which are held in memory.

    Raises:
        TypeError: If `subscriptions` is not a dataframe, or the column does not hold strings.
        ValueError: If the column does not exist, a new column already exists, or there are too
            many categories for a mask or too many distinct filters.
    """
    if mask:
        check_mask(categories)
    source = read(subscriptions, filter_column)
    meanings = Meanings(filter_column, categories, missing, mask=mask, suffix=suffix, limit=limit)
    for name in meanings.schema:
        clash = source.find(name)
        if clash is not None:
            raise ValueError(
                f"column {clash!r} already exists: choose a suffix (suffix=, --suffix)"
            )
    native, engine, _ = source
    texts = distinct(native, engine, filter_column, limit) if engine.COLLECTS else {}
    return cast("IntoFrameT", engine.add_columns(native, filter_column, meanings, texts))


def check_mask(categories: Categories) -> None:
    """Raise a ValueError if there are too many categories for a mask."""
    if len(categories) > _MASK_BITS:
        raise ValueError(
            f"a mask holds at most {_MASK_BITS} categories, not {len(categories)}: leave it out"
            " (mask=False, --no-mask)"
        )

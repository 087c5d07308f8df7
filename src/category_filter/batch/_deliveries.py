"""Join events to the subscriptions that allow them."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from category_filter._filter import CategoryFilter
from category_filter.batch._engines import On, distinct, kind_of, read, rereadable
from category_filter.batch._invalid import check_option, parse_all
from category_filter.batch._meanings import EVERYTHING, LIMIT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from narwhals.stable.v2.typing import IntoFrameT

    from category_filter.batch._engines import Texts
    from category_filter.batch._invalid import Invalid

__all__ = ["deliveries"]


def deliveries(
    subscriptions: IntoFrameT,
    events: IntoFrameT,
    on: str | Sequence[str],
    *,
    filter_column: str = "category_filter",
    category_column: str = "category",
    missing: str | CategoryFilter = EVERYTHING,
    invalid: Invalid = "raise",
    limit: int = LIMIT,
) -> IntoFrameT:
    """Join events to subscriptions with the same key whose filter allows the event's category.

    >>> import polars as pl
    >>> subscriptions = pl.DataFrame({"account": [1, 1], "category_filter": ["-ads", "*"]})
    >>> events = pl.DataFrame({"account": [1, 2], "category": ["ads", "news"]})
    >>> deliveries(subscriptions, events, on="account").rows()
    [(1, 'ads', '*')]

    The result has the event's columns, then the subscription's without the key. If both have a
    column, the subscription's gets the suffix `_right`. The order of the rows is unspecified.

    Args:
        subscriptions: A dataframe of subscriptions.
        events: A dataframe of events, of the same type.
        on: The key: one or more columns with the same names in both.
        filter_column: The subscriptions' column of filters.
        category_column: The events' column of categories. A null category is never delivered.
        missing: The filter for nulls.
        invalid: "raise" to raise on invalid filters, "deny" to treat them as `-*`.
        limit: The maximum number of distinct filters, which are held in memory.

    Raises:
        InvalidRowsError: If subscriptions have an invalid filter and `invalid` is "raise".
        TypeError: If an argument is not a dataframe, the two differ in type, or a column of
            filters or categories does not hold strings.
        ValueError: If a column does not exist, `on` is empty, or there are too many distinct
            filters.
    """
    key = [on] if isinstance(on, str) else [*dict.fromkeys(on)]
    if not key:
        raise ValueError("on must name at least one column")
    subscribed = read(subscriptions, filter_column, *key)
    occurred = read(events, category_column, *key, option="category_column")
    if kind_of(subscriptions) != kind_of(events):
        given = [f"{type(it).__module__}.{type(it).__name__}" for it in (subscriptions, events)]
        raise TypeError(
            f"both dataframes must have the same type, got {' and '.join(given)}: convert one"
        )
    check_option(invalid)
    source, engine, names = subscribed
    texts: Texts = {}
    if invalid == "raise" or engine.COLLECTS:
        source = rereadable(source)
        texts = distinct(source, engine, filter_column, limit)
        parse_all(texts, filter_column, missing, invalid)
    final = {name: name for name in names if name not in key}
    for name in [*final]:
        if occurred.find(name) is not None:
            final[name] = right = f"{name}_right"
            if occurred.find(right) is not None or subscribed.find(right) is not None:
                raise ValueError(f"both dataframes have a column {name!r}: rename one of them")
    longest = max(map(str, [*occurred.names, *names]), key=len)
    temporary = {name: f"{longest}_{number}" for number, name in enumerate(final)}
    how = On(key, filter_column, category_column, final, temporary, CategoryFilter(missing))
    return cast("IntoFrameT", engine.join(source, events, how, texts))

"""pandas: a column is mapped at once. The index and the order are kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd

from category_filter.batch._meanings import listed_pairs, parse

if TYPE_CHECKING:
    from category_filter._filter import CategoryFilter
    from category_filter.batch._engines import Columns, On, Texts
    from category_filter.batch._meanings import Meanings

COLLECTS = False
IGNORES_CASE = False

_DTYPES = {str: nw.String(), int: nw.Int64()}


def encode(column: Any) -> tuple[list[str | None], Any]:
    """Return the distinct strings of a column and None, and each row's index in them."""
    try:
        codes, distinct = pd.factorize(column)
    except TypeError:  # an unhashable value
        other = next(value for value in column if getattr(value, "__hash__", None) is None)
        raise _not_strings(column, other) from None
    texts = [*distinct]
    for text in texts:
        if not isinstance(text, str):
            raise _not_strings(column, text)
    return [*texts, None], np.where(codes < 0, len(texts), codes)


def _not_strings(column: Any, value: object) -> TypeError:
    return TypeError(f"column {column.name!r} must hold strings, not {type(value).__name__}")


def _series(name: str, values: Any, dtype: type) -> Any:
    return nw.new_series(name, values, _DTYPES[dtype], backend="pandas").to_native()


def add_columns(frame: Any, column: str, meanings: Meanings, texts: Texts) -> Any:  # noqa: ARG001 - nothing is collected
    """Add the columns that `precompute` promises."""
    distinct, codes = encode(frame[column])
    result = frame.copy(deep=False)
    for (name, dtype), values in zip(
        meanings.schema.items(), meanings.columns(distinct), strict=True
    ):
        # The columns may have levels.
        key = (name, *[""] * (frame.columns.nlevels - 1)) if frame.columns.nlevels > 1 else name
        result[key] = _series(name, values, dtype).take(codes).set_axis(frame.index)
    return result


def keep(frame: Any, column: str, f: CategoryFilter) -> Any:
    """Keep the rows whose category is allowed."""
    names, codes = encode(frame[column])
    return frame[np.array([name is not None and f.allows(name) for name in names])[codes]]


def counts(frame: Any, column: str, at_most: int) -> Texts:  # noqa: ARG001 - all of them are in memory
    """Count the rows of each distinct string."""
    texts, codes = encode(frame[column])
    numbers = np.bincount(codes, minlength=len(texts)).tolist()
    return {text: number for text, number in zip(texts, numbers, strict=True) if number}


def has_values(frame: Any, column: str) -> bool:
    """Return whether a column that does not hold strings has anything but nulls."""
    return bool(frame[column].notna().any())


def from_columns(frame: Any, columns: Columns) -> Any:  # noqa: ARG001 - there is one type
    """Create a frame of the same type."""
    return pd.DataFrame(
        {
            name: _series(name, values, columns.schema[name])
            for name, values in columns.lists.items()
        }
    )


def allowed(filters: Any, categories: Any, missing: CategoryFilter) -> Any:
    """Return whether each filter allows the category beside it, as a NumPy array."""
    texts, rows = encode(filters)
    names, numbers = encode(categories)
    listed = listed_pairs((parse(text, missing) for text in texts), names)
    is_listed = np.isin(rows * listed.width + numbers, listed.pairs)
    return (is_listed != np.array(listed.unlisted)[rows]) & (numbers < len(names) - 1)


def keep_allowed(pairs: Any, filters: str, categories: str, missing: CategoryFilter) -> Any:
    """Keep the pairs whose filter allows the category."""
    return pairs[allowed(pairs[filters], pairs[categories], missing)]


def join(subscriptions: Any, events: Any, on: On, texts: Texts) -> Any:  # noqa: ARG001 - nothing is collected
    """Join events to the subscriptions with the same key whose filter allows the category."""
    # Unlike the other engines, pandas matches nulls.
    left, right = (frame.dropna(subset=on.key) for frame in (events, subscriptions))
    pairs = left.merge(right.rename(columns=on.temporary), on=on.key)
    filters = on.temporary.get(on.filters, on.filters)
    kept = keep_allowed(pairs, filters, on.categories, on.missing)
    return kept.rename(columns={on.temporary[name]: final for name, final in on.names.items()})

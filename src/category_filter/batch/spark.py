"""Spark functions for filters in SQL and in streaming queries.

The executors need this package, pandas and PyArrow. `precompute` needs nothing on the executors,
but cannot read a streaming dataframe.
"""

# pyright: basic
# The engine has no types, or incomplete ones.

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
from pyspark.sql.pandas.functions import pandas_udf

from category_filter.batch import _pandas
from category_filter.batch._meanings import EVERYTHING, Meanings
from category_filter.batch._precompute import check_mask

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyspark.sql import SparkSession

    from category_filter.categories import Categories

__all__ = ["register"]

_to_udf: Any = pandas_udf  # its type hints reject `pandas.Series`
_TYPES = {str: "string", int: "bigint"}


def register(session: SparkSession, categories: Categories) -> None:
    """Register `category_filter_allows`, `_canonical`, `_mask`, `_unknown` and `_error`.

    `category_filter_allows(filter, category)` returns a boolean; the others take a filter and
    return what the columns of `precompute` hold. A null filter is `*`.

    Args:
        session: The session to add them to.
        categories: The known set, for masks and unknown names.

    Raises:
        ValueError: If there are more than 63 categories.
    """
    check_mask(categories)
    meanings = Meanings("category_filter", categories)

    session.udf.register("category_filter_allows", _to_udf(_allows, "boolean"))
    for name, kind in meanings.schema.items():
        function = _to_udf(_meaning(meanings, name), _TYPES[kind])
        session.udf.register(f"category_filter_{name}", function)


def _allows(filters: pd.Series, names: pd.Series) -> pd.Series:
    return pd.Series(_pandas.allowed(filters, names, EVERYTHING))


def _meaning(meanings: Meanings, name: str) -> Callable[[Any], Any]:
    def meaning(filters: pd.Series) -> pd.Series:
        frame = pd.DataFrame({"category_filter": filters})
        return _pandas.add_columns(frame, "category_filter", meanings, {})[name]

    return meaning

"""DuckDB functions for filters in SQL.

>>> import duckdb
>>> from category_filter.navixy import CATEGORIES
>>> connection = duckdb.connect()
>>> register(connection, CATEGORIES)
>>> connection.sql(
...     "SELECT category_filter_allows('-chat_message', 'history_rule'),"
...     " category_filter_mask('-chat_message')"
... ).fetchall()
[(True, 62)]
"""

# PyArrow has no types, and creates its functions at run time.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from category_filter.batch import _arrow
from category_filter.batch._meanings import EVERYTHING, Meanings
from category_filter.batch._precompute import check_mask

if TYPE_CHECKING:
    from collections.abc import Callable

    from duckdb import DuckDBPyConnection

    from category_filter.categories import Categories

__all__ = ["register"]

_TYPES = {str: "VARCHAR", int: "BIGINT"}


def register(connection: DuckDBPyConnection, categories: Categories) -> None:
    """Register `category_filter_allows`, `_canonical`, `_mask`, `_unknown` and `_error`.

    `category_filter_allows(filter, category)` returns a boolean; the others take a filter and
    return what the columns of `precompute` hold. A null filter is `*`.

    Args:
        connection: The connection to add them to.
        categories: The known set, for masks and unknown names.

    Raises:
        ValueError: If there are more than 63 categories.
    """
    check_mask(categories)
    meanings = Meanings("category_filter", categories)
    create_function: Any = connection.create_function  # its type hints reject strings as options
    create = partial(create_function, type="arrow", null_handling="special")
    create("category_filter_allows", _allows, ["VARCHAR", "VARCHAR"], "BOOLEAN")
    for number, (name, kind) in enumerate(meanings.schema.items()):
        create(f"category_filter_{name}", _meaning(meanings, number), ["VARCHAR"], _TYPES[kind])


def _allows(filters: Any, categories: Any) -> Any:
    return _arrow.allowed(filters, categories, EVERYTHING).combine_chunks()


def _meaning(meanings: Meanings, number: int) -> Callable[[Any], Any]:
    def meaning(filters: Any) -> Any:
        table = pa.table({"category_filter": filters})
        added = _arrow.add_columns(table, "category_filter", meanings, {})
        return added.column(number + 1).combine_chunks()

    return meaning

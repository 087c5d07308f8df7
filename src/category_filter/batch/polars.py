"""Polars expressions, which compose with the rest of a query and stay lazy and streaming.

>>> import polars as pl
>>> from category_filter.navixy import CATEGORIES
>>> rows = pl.DataFrame({"category_filter": ["-chat_message", "a;b", None]})
>>> rows.select(
...     allowed=allows("category_filter", "chat_message"),
...     canonical=canonical("category_filter"),
...     mask=mask("category_filter", CATEGORIES),
... ).rows()
[(False, '-chat_message', 62), (False, None, 0), (True, '*', 63)]
"""

from __future__ import annotations

import polars as pl

from category_filter._filter import CategoryFilter
from category_filter.batch import _polars
from category_filter.batch._meanings import EVERYTHING, Meanings
from category_filter.batch._precompute import check_mask
from category_filter.categories import Categories

__all__ = ["allows", "canonical", "error", "mask", "unknown"]

_NONE_KNOWN = Categories([])


def allows(
    filters: str | pl.Expr,
    category: str | pl.Expr,
    *,
    missing: str | CategoryFilter = EVERYTHING,
) -> pl.Expr:
    """Return an expression for whether filters allow a category.

    Invalid filters allow nothing, and a null category is never allowed.

    Args:
        filters: The column of filters, as a name or an expression.
        category: One category as a string, or an expression for a column of categories.
        missing: The filter for nulls.
    """
    categories = pl.lit(category) if isinstance(category, str) else category
    return _polars.allows(_column(filters), categories, CategoryFilter(missing))


def canonical(filters: str | pl.Expr, *, missing: str | CategoryFilter = EVERYTHING) -> pl.Expr:
    """Return an expression for the canonical form, which is null if the filter is invalid."""
    return _field("canonical", filters, _NONE_KNOWN, missing)


def mask(
    filters: str | pl.Expr,
    categories: Categories,
    *,
    missing: str | CategoryFilter = EVERYTHING,
) -> pl.Expr:
    """Return an expression for the allowed categories as an integer: bit i is category i.

    Raises:
        ValueError: If there are more than 63 categories.
    """
    check_mask(categories)
    return _field("mask", filters, categories, missing)


def unknown(filters: str | pl.Expr, categories: Categories) -> pl.Expr:
    """Return an expression for the names outside the known set, separated by commas, or null."""
    return _field("unknown", filters, categories, EVERYTHING)


def error(filters: str | pl.Expr) -> pl.Expr:
    """Return an expression for the message of an invalid filter, which is null for others."""
    return _field("error", filters, _NONE_KNOWN, EVERYTHING)


def _field(
    name: str, filters: str | pl.Expr, categories: Categories, missing: str | CategoryFilter
) -> pl.Expr:
    meanings = Meanings("category_filter", categories, missing, mask=name == "mask")
    return _polars.struct_of(_column(filters), meanings).struct.field(name)


def _column(filters: str | pl.Expr) -> pl.Expr:
    return _polars.col(filters) if isinstance(filters, str) else filters

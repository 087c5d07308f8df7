"""What every integration does with a text that came in from outside."""

from __future__ import annotations

from typing import TYPE_CHECKING

from category_filter import CategoryFilter

if TYPE_CHECKING:
    from category_filter import Categories

__all__ = ["parse"]


def parse(
    value: str | CategoryFilter, categories: Categories | None, *, replacing: object = None
) -> CategoryFilter:
    """The filter of a text, whose names are checked if it is known which there are.

    >>> from category_filter import Categories
    >>> parse("old,news", Categories(["news"]), replacing=CategoryFilter("old"))
    CategoryFilter('news,old')

    Args:
        value: The text; a filter, such as a default, does too.
        categories: The known set, if there is one.
        replacing: What the framework holds until now, whose names may stay if it is a filter.

    Raises:
        FilterSyntaxError: The text is no filter.
        UnknownCategoryError: It lists unknown names.
        TypeError: It is no text.
    """
    if categories is None:
        return CategoryFilter(value)
    stored = replacing if isinstance(replacing, CategoryFilter) else None
    return categories.parse(value, replacing=stored)

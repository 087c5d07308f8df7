"""Validation that all integrations share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from category_filter import Categories, CategoryFilter
from category_filter.errors import MESSAGES

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["browser_checks", "parse"]


def parse(
    value: str | CategoryFilter, categories: Categories | None, *, stored: object = None
) -> CategoryFilter:
    """Parse a filter, and validate its names if the known set is given.

    >>> parse("old,news", Categories(["news"]), stored=CategoryFilter("old"))
    CategoryFilter('news,old')

    Args:
        value: The input, or a filter such as a default.
        categories: The known set, or None to accept any name.
        stored: The framework's current value. If it is a filter, its names stay valid.

    Raises:
        FilterSyntaxError: If the input is not a valid filter.
        UnknownCategoryError: If it lists unknown names.
        TypeError: If it is neither a str nor a `CategoryFilter`.
    """
    if categories is None:
        return CategoryFilter(value)
    return categories.parse(value, stored=stored if isinstance(stored, CategoryFilter) else None)


def browser_checks(
    categories: Categories, stored: CategoryFilter | None, gettext: Callable[[str], str]
) -> dict[str, str]:
    """Return the HTML attributes that make a browser validate an input like `parse`.

    >>> browser_checks(Categories(["news"]), CategoryFilter("old"), str)["title"]
    "'*', or a comma-separated list ('-' in front excludes it) of: news, old"
    """
    retired = categories.unknown(stored) if stored is not None else ()
    names = [*categories, *retired]
    return {
        "pattern": Categories(names).pattern,
        "title": gettext(MESSAGES["forms"]) % {"names": ", ".join(names)},
    }

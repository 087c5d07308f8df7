"""What every integration does with a text that came in from outside."""

from __future__ import annotations

from typing import TYPE_CHECKING

from category_filter import Categories, CategoryFilter
from category_filter.errors import MESSAGES

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["browser_checks", "parse"]


def parse(
    value: str | CategoryFilter, categories: Categories | None, *, replacing: object = None
) -> CategoryFilter:
    """The filter of a text, whose names are checked if it is known which there are.

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


def browser_checks(
    categories: Categories, stored: CategoryFilter | None, gettext: Callable[[str], str]
) -> dict[str, str]:
    """The attributes by which a browser refuses what `parse` would, and says what is allowed.

    >>> browser_checks(Categories(["news"]), CategoryFilter("old"), str)["title"]
    "'*', or names with commas between them, or all but these after one '-': news, old"
    """
    retired = categories.unknown(stored) if stored is not None else ()
    names = [*categories, *retired]
    return {
        "pattern": Categories(names).pattern,
        "title": gettext(MESSAGES["forms"]) % {"names": ", ".join(names)},
    }

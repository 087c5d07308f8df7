"""Filter notifications by category: `*`, `news,sport`, `-ads` or `-*`.

>>> from category_filter import CategoryFilter
>>> CategoryFilter("-history_task,history_rule").allows("chat_message")
True
"""

from category_filter._filter import CategoryFilter
from category_filter.categories import Categories
from category_filter.errors import (
    CategoryFilterError,
    FilterSyntaxError,
    UnknownCategoryError,
)
from category_filter.index import FilterIndex, MatchView

__all__ = [
    "Categories",
    "CategoryFilter",
    "CategoryFilterError",
    "FilterIndex",
    "FilterSyntaxError",
    "MatchView",
    "UnknownCategoryError",
]

__version__ = "0.1.0"

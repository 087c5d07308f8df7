"""The meaning of each distinct string: parsed once, and cached from batch to batch."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from category_filter._filter import CategoryFilter
from category_filter.errors import CategoryFilterError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from category_filter.categories import Categories

__all__ = [
    "CHANGED",
    "DENY_ALL",
    "EVERYTHING",
    "LIMIT",
    "Listed",
    "Meanings",
    "Schema",
    "listed_pairs",
    "parse",
    "too_many_error",
    "try_parse",
]

LIMIT = 5_000_000
"""The default limit on the number of distinct filters, which are held in memory."""

EVERYTHING = CategoryFilter("*")
DENY_ALL = CategoryFilter("-*")

Schema = dict[str, type]
"""The names of columns, with `str`, `int` or `bool`."""

Row = tuple[str | int | None, ...]

CHANGED = "the filter changed while the table was read: run precompute again"

_CACHE_SIZE = 100_000
_CACHE_MAX_LENGTH = 256


class Meanings:
    """The columns that `precompute` adds, given a batch of distinct strings.

    Strings repeat from batch to batch, so their rows are cached. The cache is limited, so many or
    long distinct filters cannot fill the memory.
    """

    def __init__(
        self,
        column: str,
        categories: Categories,
        missing: str | CategoryFilter = EVERYTHING,
        *,
        mask: bool = True,
        suffix: str = "",
        limit: int | None = None,
    ) -> None:
        self._column = column
        self._categories = categories
        self._missing = CategoryFilter(missing)
        self._bits = {name: 1 << bit for bit, name in enumerate(categories)} if mask else None
        names: Schema = {"canonical": str, "mask": int, "unknown": str, "error": str}
        self.schema: Schema = {
            name + suffix: dtype for name, dtype in names.items() if mask or name != "mask"
        }
        self._limit = limit
        self._cache: dict[str | None, Row] = {}

    def columns(self, texts: Collection[str | None]) -> list[list[str | int | None]]:
        """Return the values of each new column. None stands for null."""
        if self._limit is not None and len(texts) - (None in texts) > self._limit:
            raise too_many_error(self._column, self._limit)
        get, create = self._cache.get, self._create
        rows = [get(text) or create(text) for text in texts]
        return [*map(list, zip(*rows, strict=True))] if rows else [[] for _ in self.schema]

    def _create(self, text: str | None) -> Row:
        row = self._row(text)
        if text is None or len(text) <= _CACHE_MAX_LENGTH:
            if len(self._cache) >= _CACHE_SIZE:
                self._cache.clear()
            self._cache[text] = row
        return row

    def _row(self, text: str | None) -> Row:
        f, error = (self._missing, None) if text is None else try_parse(text)
        if f is None:
            return (None, None, error) if self._bits is None else (None, 0, None, error)
        unknown = ",".join(self._categories.unknown(f)) or None if f.names else None
        if self._bits is None:
            return str(f), unknown, None
        mask = sum(self._bits.get(name, 0) for name in f.names)
        if f.allows_unlisted:
            mask ^= (1 << len(self._bits)) - 1
        return str(f), mask, unknown, None


def too_many_error(column: str, limit: int) -> ValueError:
    """Create the error for too many distinct filters."""
    return ValueError(
        f"more than {limit:,} distinct filters in column {column!r}, all of them held in memory:"
        " raise the limit to allow more"
    )


def try_parse(text: str) -> tuple[CategoryFilter | None, str | None]:
    """Return the filter, or the error of an invalid one."""
    try:
        return CategoryFilter(text), None
    except CategoryFilterError as error:
        return None, error.summary()


def parse(text: str | None, missing: CategoryFilter) -> CategoryFilter:
    """Return the filter; `-*` if it is invalid, and `missing` for None."""
    return missing if text is None else try_parse(text)[0] or DENY_ALL


class Listed(NamedTuple):
    """The pairs of a filter and a category it lists, by index: `filter * width + category`."""

    width: int
    pairs: list[int]
    unlisted: list[bool]
    """Whether each filter allows unlisted categories."""


def listed_pairs(filters: Iterable[CategoryFilter], categories: Sequence[str | None]) -> Listed:
    """Return the pairs of a filter and a category that it lists.

    There is one for each listed name; a matrix of all filters and categories could be huge.
    """
    numbers = {name: number for number, name in enumerate(categories) if name is not None}
    width = len(categories)
    pairs: list[int] = []
    unlisted: list[bool] = []
    for row, f in enumerate(filters):
        unlisted.append(f.allows_unlisted)
        pairs.extend(row * width + numbers[name] for name in f.names if name in numbers)
    return Listed(width, pairs, unlisted)

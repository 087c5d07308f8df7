"""The contestants of the index benchmark: your own code, bitmaps, and the index."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from pyroaring import BitMap

from category_filter import FilterIndex
from category_filter.navixy import CATEGORIES

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from category_filter import CategoryFilter

__all__ = ["CONTESTANTS", "KNOWN", "OURS", "Contestant", "Index", "Loop"]

KNOWN = tuple(CATEGORIES)


class Contestant(Protocol):
    """The operations to compare, with integers as keys."""

    def set(self, key: int, f: CategoryFilter) -> None:
        """Set or replace a subscription."""

    def count(self, category: str) -> int:
        """Return the number of keys whose filter allows a category."""
        ...

    def keys(self, category: str) -> Collection[int]:
        """Return the keys whose filter allows a category."""
        ...


class Loop:
    """A dict of filters, and a loop over all of them."""

    def __init__(self) -> None:
        self.filters: dict[int, CategoryFilter] = {}

    def set(self, key: int, f: CategoryFilter) -> None:
        self.filters[key] = f

    def count(self, category: str) -> int:
        return sum(f.allows(category) for f in self.filters.values())

    def keys(self, category: str) -> Collection[int]:
        return [key for key, f in self.filters.items() if f.allows(category)]


class SetsByCategory(Loop):
    """A dict, and a set of keys for each known category; an unknown one matches no key."""

    def __init__(self) -> None:
        super().__init__()
        self.sets: dict[str, set[int]] = {name: set() for name in KNOWN}

    def set(self, key: int, f: CategoryFilter) -> None:
        super().set(key, f)
        for name, members in self.sets.items():
            if f.allows(name):
                members.add(key)
            else:
                members.discard(key)

    def count(self, category: str) -> int:
        return len(self.sets[category])

    def keys(self, category: str) -> Collection[int]:
        return list(self.sets[category])


class Roaring(Loop):
    """A dict, and bitmaps of the keys that list a name, and of those that allow unlisted names."""

    def __init__(self) -> None:
        super().__init__()
        self.allows_unlisted = BitMap()
        self.listed: dict[str, BitMap] = {}

    def set(self, key: int, f: CategoryFilter) -> None:
        old = self.filters.get(key)
        if old is not None:
            for name in old.names:
                self.listed[name].remove(key)
            self.allows_unlisted.discard(key)
        super().set(key, f)
        for name in f.names:
            self.listed.setdefault(name, BitMap()).add(key)
        if f.allows_unlisted:
            self.allows_unlisted.add(key)

    def matching(self, category: str) -> BitMap:
        return self.allows_unlisted ^ self.listed.get(category, BitMap())

    def count(self, category: str) -> int:
        return len(self.matching(category))

    def keys(self, category: str) -> Collection[int]:
        return list(self.matching(category))


class Index:
    """The library's index."""

    def __init__(self) -> None:
        self.index = FilterIndex[int]()

    def set(self, key: int, f: CategoryFilter) -> None:
        self.index[key] = f

    def delete(self, key: int) -> None:
        del self.index[key]

    def count(self, category: str) -> int:
        return len(self.index.matching(category))

    def keys(self, category: str) -> Collection[int]:
        return list(self.index.matching(category))


OURS = "FilterIndex"
CONTESTANTS: dict[str, Callable[[], Contestant]] = {
    OURS: Index,
    "a loop over allows": Loop,
    "a set per category": SetsByCategory,
    "pyroaring": Roaring,
}

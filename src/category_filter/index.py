"""An index of live subscriptions: the keys whose filter allows a category, without a scan."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, MutableMapping
from collections.abc import Set as AbstractSet
from itertools import chain
from typing import TYPE_CHECKING, TypeVar, cast, final, overload

from category_filter._filter import CategoryFilter, coerce_str
from category_filter._inverted_index import InvertedIndex
from category_filter._messages import counted
from category_filter.errors import CategoryFilterError

if TYPE_CHECKING:
    from enum import Enum

__all__ = ["FilterIndex", "MatchView"]

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")

_MAX_KEY_REPR = 500
"""Maximum length of a key's repr in an error note, in characters."""


@final
class FilterIndex(MutableMapping[K, CategoryFilter]):  # noqa: PLW1641 - mutable, so not hashable
    """A mapping of keys to filters that finds the keys whose filter allows a category.

    >>> index = FilterIndex({"ann": "*", "bob": "-news", "eve": "sport,news"})
    >>> sorted(index.matching("news"))
    ['ann', 'eve']
    >>> index["bob"] = "news"
    >>> len(index.matching("news")), index["bob"]
    (3, CategoryFilter('news'))

    Strings are parsed when you set them. Updates and the `len()` of a match take constant time,
    however many keys there are.

    All operations are thread-safe, and safe in finalizers and signal handlers: a write that
    interrupts another one takes effect when that one is done. You can iterate over a match while
    others write. Iterating over the index itself is like iterating over a dict: do not write
    meanwhile. Keys are hashed and compared under a lock.

    Args:
        entries: A mapping of keys to filters or strings, or an iterable of such pairs.

    Raises:
        FilterSyntaxError: If a string is not a valid filter. A note on the error names its key, and
            the entries before it are set. `update` and `index[key] = text` raise it too.
        TypeError: If a filter is neither a str nor a `CategoryFilter`, or a key is not hashable.
    """

    _inverted: InvertedIndex[K]

    @overload
    def __new__(cls) -> FilterIndex[K]: ...
    @overload
    def __new__(cls, entries: Mapping[K, CategoryFilter | str]) -> FilterIndex[K]: ...
    @overload
    def __new__(cls, entries: Iterable[tuple[K, CategoryFilter | str]]) -> FilterIndex[K]: ...
    # Not `__init__`, which a broken pickle can skip.
    def __new__(  # noqa: D102 - documented by the class
        cls,
        entries: Mapping[K, CategoryFilter | str] | Iterable[tuple[K, CategoryFilter | str]] = (),
    ) -> FilterIndex[K]:
        self = super().__new__(cls)
        self._inverted = InvertedIndex()
        self.update(entries)
        return self

    def matching(self, category: str | Enum) -> MatchView[K]:
        """Return a live view of the keys whose filter allows a category.

        Raises:
            TypeError: If the category is not a str.
        """
        return MatchView(self._inverted, coerce_str(category, "category"))

    def __getitem__(self, key: K) -> CategoryFilter:
        return self._inverted[key]

    def __setitem__(self, key: K, wanted: CategoryFilter | str) -> None:
        if not isinstance(wanted, CategoryFilter):
            try:
                wanted = CategoryFilter(wanted)
            except (CategoryFilterError, TypeError) as error:
                error.add_note(f"key: {repr(key)[:_MAX_KEY_REPR]}")
                raise
        hash(key)  # an unhashable key raises before anything changes
        self._inverted.set(key, wanted)

    def __delitem__(self, key: K) -> None:
        with self._inverted.lock:
            if key not in self._inverted:
                raise KeyError(key)
            self._inverted.delete(key)

    def __iter__(self) -> Iterator[K]:
        return iter(self._inverted)

    def __len__(self) -> int:
        return len(self._inverted)

    def __contains__(self, key: object) -> bool:
        return key in self._inverted

    # It takes strings too, where a mapping to filters takes only filters.
    def update(  # type: ignore[override]
        self,
        entries: Mapping[K, CategoryFilter | str] | Iterable[tuple[K, CategoryFilter | str]] = (),
        /,
        **named: CategoryFilter | str,
    ) -> None:
        """Set several keys in order. If one raises, those before it stay set."""
        super().update(entries, **named)  # type: ignore[arg-type]

    def setdefault(self, key: K, default: CategoryFilter | str | None = None) -> CategoryFilter:
        """Return the filter of a key, after setting it to the default (or `*`) if missing.

        >>> FilterIndex().setdefault("ann")
        CategoryFilter('*')
        """
        with self._inverted.lock:
            if key not in self:
                self[key] = CategoryFilter() if default is None else default
            return self[key]

    @overload
    def pop(self, key: K, /) -> CategoryFilter: ...
    @overload
    def pop(self, key: K, /, default: T) -> CategoryFilter | T: ...
    def pop(self, key: K, /, *default: T) -> CategoryFilter | T:  # type: ignore[misc]
        """Delete a key and return its filter, or the default if the key is missing.

        Raises:
            KeyError: If the key is missing and there is no default.
        """
        with self._inverted.lock:
            return super().pop(key, *default)

    def popitem(self) -> tuple[K, CategoryFilter]:
        """Delete the newest key, and return it with its filter.

        Raises:
            KeyError: If the index is empty.
        """
        return self._inverted.delete_newest()

    def clear(self) -> None:
        """Delete all keys at once."""
        self._inverted.clear()

    def copy(self) -> FilterIndex[K]:
        """Return a new index with the same entries."""
        return FilterIndex(self._inverted.entries())

    __copy__ = copy

    def __reduce__(self) -> tuple[type[FilterIndex[K]], tuple[dict[K, CategoryFilter]]]:
        return FilterIndex, (self._inverted.entries(),)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, FilterIndex):
            other = cast("FilterIndex[K]", other)._inverted.entries()
        return self._inverted.entries() == other

    def __repr__(self) -> str:
        filters = counted(self._inverted.filter_count, "filter")
        return f"<FilterIndex: {counted(len(self), 'key')}, {filters}>"


class MatchView(AbstractSet[K]):
    """A live, read-only set of the keys whose filter allows a category.

    >>> index = FilterIndex({"ann": "*", "bob": "-news"})
    >>> wanted = index.matching("news")
    >>> "ann" in wanted, wanted == {"ann"}
    (True, True)
    >>> del index["ann"]
    >>> len(wanted)
    0

    Iterating yields the keys that match when it begins, each key once, even while other threads
    write. An unfinished iteration keeps its keys alive. Get views from `FilterIndex.matching`.
    """

    __slots__ = ("_category", "_inverted")

    def __init__(self, inverted: InvertedIndex[K], category: str) -> None:
        self._inverted = inverted
        self._category = category

    def __len__(self) -> int:
        return self._inverted.count(self._category)

    def __iter__(self) -> Iterator[K]:
        return chain.from_iterable(self._inverted.snapshot(self._category))

    def __contains__(self, key: object) -> bool:
        try:
            f = self._inverted[cast("K", key)]
        except KeyError:
            return False
        return f.allows(self._category)

    def __repr__(self) -> str:
        return f"<MatchView of {self._category!r}: {counted(len(self), 'key')}>"

    @classmethod
    def _from_iterable(cls, keys: Iterable[T]) -> set[T]:
        """Make `&`, `|`, `-` and `^` return a plain set."""
        return set(keys)

"""Live subscriptions: which keys want a category, without asking every one of them.

Keys with equal filters form a group, and a name knows the groups that list it. What matches a
category is then a list of groups, disjoint by nature: those that list it and allow nothing else,
and those that allow what they do not list and do not list it.

A group keeps its keys in blocks, all of them full but the last. Iterating takes the blocks of the
moment, and from then on a block is copied before it changes. So an iteration sees one state of
the index, costs no copy of its own, and costs a writer one block at most.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, MutableMapping
from collections.abc import Set as AbstractSet
from itertools import chain
from reprlib import repr as short_repr
from threading import RLock
from typing import TYPE_CHECKING, Generic, TypeVar, cast, overload

from category_filter._filter import CategoryFilter, plain
from category_filter.errors import CategoryFilterError

if TYPE_CHECKING:
    from enum import Enum

__all__ = ["FilterIndex", "Match"]

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")

_FULL = 300
"""Keys in a block: as a dict they take 29 bytes each, and 3 µs to copy all together."""


class FilterIndex(MutableMapping[K, CategoryFilter]):
    """A mapping from keys to filters that knows who wants a category.

    >>> index = FilterIndex({"ann": "*", "bob": "-news", "eve": "sport,news"})
    >>> sorted(index.matching("news"))
    ['ann', 'eve']
    >>> index["bob"] = "news"
    >>> len(index.matching("news")), index["bob"]
    (3, CategoryFilter('news'))

    It takes filters, or texts, which it parses. Setting and deleting a key, and the length of a
    match, cost nothing that grows with the number of keys.

    Threads may set, delete and match at once, and iterate over a match while others write.
    Iterating over the index itself is as safe as over a dict, which is to say while nobody writes.

    Args:
        entries: A mapping, or pairs, of keys with filters or texts.

    Raises:
        FilterSyntaxError: A text is no filter. What came before it is set, and a note on the
            error names its key; `update` and `index[key] = text` raise alike.
        TypeError: A filter is neither, likewise; or a key cannot be hashed.
    """

    @overload
    def __init__(self) -> None: ...
    @overload
    def __init__(self, entries: Mapping[K, CategoryFilter | str]) -> None: ...
    @overload
    def __init__(self, entries: Iterable[tuple[K, CategoryFilter | str]]) -> None: ...
    def __init__(
        self,
        entries: Mapping[K, CategoryFilter | str] | Iterable[tuple[K, CategoryFilter | str]] = (),
    ) -> None:
        self._lock = RLock()
        self._snapshots = 0
        self._blocks: dict[K, _Block[K]] = {}
        self._groups: dict[CategoryFilter, _Group[K]] = {}
        self._names: dict[str, _Name[K]] = {}
        self._open: dict[_Group[K], None] = {}
        self._open_keys = 0
        self.update(entries)

    def matching(self, category: str | Enum) -> Match[K]:
        """The keys whose filter allows a category, now and whenever the result is looked at.

        Raises:
            TypeError: The category is no str.
        """
        return Match(self, plain(category, "a category"))

    def __getitem__(self, key: K) -> CategoryFilter:
        return self._blocks[key].group.filter

    def __setitem__(self, key: K, wanted: CategoryFilter | str) -> None:
        if not isinstance(wanted, CategoryFilter):
            try:
                wanted = CategoryFilter(wanted)
            except (CategoryFilterError, TypeError) as error:
                error.add_note(f"the key is {short_repr(key)}")
                raise
        with self._lock:
            block = self._blocks.get(key)
            group = self._groups.get(wanted) or self._found(wanted)
            if block is None:
                self._enter(key, group)
            elif block.group is not group:
                self._leave(key, block)
                self._enter(key, group)

    def __delitem__(self, key: K) -> None:
        with self._lock:
            self._leave(key, self._blocks[key])
            del self._blocks[key]

    def __iter__(self) -> Iterator[K]:
        return iter(self._blocks)

    def __len__(self) -> int:
        return len(self._blocks)

    def __contains__(self, key: object) -> bool:
        return key in self._blocks

    # Texts are taken where a mapping to filters takes filters alone.
    def update(  # type: ignore[override]
        self,
        entries: Mapping[K, CategoryFilter | str] | Iterable[tuple[K, CategoryFilter | str]] = (),
        /,
        **named: CategoryFilter | str,
    ) -> None:
        """Set many keys, as a dict does; each before the next, so that an error keeps the first."""
        super().update(entries, **named)  # type: ignore[arg-type]

    def setdefault(self, key: K, default: CategoryFilter | str | None = None) -> CategoryFilter:
        """The filter of a key, which is set if it is missing, to `*` if no other is given.

        >>> FilterIndex().setdefault("ann")
        CategoryFilter('*')
        """
        with self._lock:
            if key not in self:
                self[key] = CategoryFilter() if default is None else default
            return self[key]

    @overload
    def pop(self, key: K, /) -> CategoryFilter: ...
    @overload
    def pop(self, key: K, /, default: T) -> CategoryFilter | T: ...
    def pop(self, key: K, /, *default: T) -> CategoryFilter | T:  # type: ignore[misc]
        """Remove a key and give its filter, or the default if it is missing, as a dict does.

        Raises:
            KeyError: The key is missing, and so is a default.
        """
        with self._lock:
            return super().pop(key, *default)

    def popitem(self) -> tuple[K, CategoryFilter]:
        """Remove the key that was set first last, as a dict does, and give it with its filter.

        Raises:
            KeyError: The index is empty.
        """
        with self._lock:
            key, block = self._blocks.popitem()
            self._leave(key, block)
            return key, block.group.filter

    def copy(self) -> FilterIndex[K]:
        """Another index with the same entries."""
        return FilterIndex(self)

    __copy__ = copy

    def __reduce__(self) -> tuple[type[FilterIndex[K]], tuple[dict[K, CategoryFilter]]]:
        return FilterIndex, (dict(self),)

    def __repr__(self) -> str:
        return f"<FilterIndex of {len(self):,} keys with {len(self._groups):,} filters>"

    def _enter(self, key: K, group: _Group[K]) -> None:
        block = group.blocks[-1]
        if len(block.keys) == _FULL:
            block = _Block(group, self._snapshots)
            group.blocks.append(block)
        elif block.snapshot != self._snapshots:
            self._unshare(block)
        block.keys[key] = None
        self._blocks[key] = block
        self._count(group, 1)

    def _leave(self, key: K, block: _Block[K]) -> None:
        group = block.group
        last = group.blocks[-1]
        if block.snapshot != self._snapshots:
            self._unshare(block)
        del block.keys[key]
        if block is not last:
            if last.snapshot != self._snapshots:
                self._unshare(last)
            moved, _ = last.keys.popitem()
            block.keys[moved] = None
            self._blocks[moved] = block
        self._count(group, -1)
        if not last.keys:
            group.blocks.pop()
            if not group.blocks:
                self._dissolve(group)

    def _unshare(self, block: _Block[K]) -> None:
        """Leave the keys of a block to the iterations that may hold them, and go on with a copy."""
        block.keys = block.keys.copy()
        block.snapshot = self._snapshots

    def _count(self, group: _Group[K], keys: int) -> None:
        if group.open:
            self._open_keys += keys
            keys = -keys
        for name in group.names:
            name.surplus += keys

    def _found(self, f: CategoryFilter) -> _Group[K]:
        names: list[_Name[K]] = []
        for listed in f.names:
            name = self._names.get(listed)
            if name is None:
                name = self._names[listed] = _Name(listed)
            names.append(name)
        group = self._groups[f] = _Group(f, names)
        group.blocks.append(_Block(group, self._snapshots))
        for name in names:
            name.groups[group] = None
        if group.open:
            self._open[group] = None
        return group

    def _dissolve(self, group: _Group[K]) -> None:
        del self._groups[group.filter]
        if group.open:
            del self._open[group]
        for name in group.names:
            del name.groups[group]
            if not name.groups:
                del self._names[name.name]

    def _snapshot(self, category: str) -> list[dict[K, None]]:
        """The blocks of keys that match; none of them changes any more."""
        with self._lock:
            self._snapshots += 1
            name = self._names.get(category)
            listing = name.groups if name else {}
            groups = [group for group in listing if not group.open]
            groups += [group for group in self._open if group not in listing]
            return [block.keys for group in groups for block in group.blocks]


class Match(AbstractSet[K]):
    """The keys of an index whose filter allows one category: a set that follows the index.

    >>> index = FilterIndex({"ann": "*", "bob": "-news"})
    >>> wanted = index.matching("news")
    >>> "ann" in wanted, wanted == {"ann"}
    (True, True)
    >>> del index["ann"]
    >>> len(wanted)
    0

    An iteration yields the keys that matched at the moment when it began, each once, whatever other
    threads do meanwhile: so every key that matches throughout, and none that never did. What the
    length and an iteration tell may differ by what was written in between.
    """

    __slots__ = ("_category", "_index")

    def __init__(self, index: FilterIndex[K], category: str) -> None:
        self._index = index
        self._category = category

    def __len__(self) -> int:
        with self._index._lock:
            name = self._index._names.get(self._category)
            return self._index._open_keys + (name.surplus if name else 0)

    def __iter__(self) -> Iterator[K]:
        return chain.from_iterable(self._index._snapshot(self._category))

    def __contains__(self, key: object) -> bool:
        f = self._index.get(cast("K", key))
        return f is not None and f.allows(self._category)

    def __repr__(self) -> str:
        return f"<Match of {self._category!r}: {len(self):,} keys>"

    @classmethod
    def _from_iterable(cls, keys: Iterable[T]) -> set[T]:
        """What `&`, `|`, `-` and `^` give, since their result follows no index."""
        return set(keys)


class _Group(Generic[K]):
    """Every key of one filter, and what the filter lists."""

    __slots__ = ("blocks", "filter", "names", "open")

    def __init__(self, f: CategoryFilter, names: list[_Name[K]]) -> None:
        self.filter = f
        self.names = names
        self.open = f.allows_unlisted
        self.blocks: list[_Block[K]] = []


class _Block(Generic[K]):
    """Some keys of a group, and the last snapshot that cannot hold them."""

    __slots__ = ("group", "keys", "snapshot")

    def __init__(self, group: _Group[K], snapshot: int) -> None:
        self.group = group
        self.keys: dict[K, None] = {}
        self.snapshot = snapshot


class _Name(Generic[K]):
    """The groups that list one name, and by how many keys they exceed the open ones.

    A key more allows the name if its filter is `name,...`, and one less if it is `-name,...`, so
    that as many keys allow the name as there are open ones, plus this surplus.
    """

    __slots__ = ("groups", "name", "surplus")

    def __init__(self, name: str) -> None:
        self.name = name
        self.groups: dict[_Group[K], None] = {}
        self.surplus = 0

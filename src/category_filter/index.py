"""Live subscriptions: which keys want a category, without asking every one of them.

Keys with equal filters form a group, and a name knows the groups that list it. What matches a
category is then a list of groups, disjoint by nature: those that list it and allow nothing else,
and those that allow what they do not list and do not list it.

A group keeps its keys in blocks, all of them full but the last. Iterating takes the blocks of the
moment, and from then on a block is copied before it changes. So an iteration sees one state of
the index, costs no copy of its own, and costs a writer a few blocks at most.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Iterable, Iterator, Mapping, MutableMapping
from collections.abc import Set as AbstractSet
from functools import partial
from itertools import chain
from threading import RLock
from typing import TYPE_CHECKING, Generic, TypeVar, cast, final, overload

from category_filter._filter import CategoryFilter, plain
from category_filter.errors import CategoryFilterError

if TYPE_CHECKING:
    from collections.abc import Callable
    from enum import Enum

__all__ = ["FilterIndex", "Match"]

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")

_LONG_KEY = 500
"""What a note shows of a key, in characters."""

_FULL = 300
"""Keys in a block: as a dict they take 29 bytes each, and 3 µs to copy all together."""


@final
class FilterIndex(MutableMapping[K, CategoryFilter]):  # noqa: PLW1641 - it changes: no hash
    """A mapping from keys to filters that knows who wants a category.

    >>> index = FilterIndex({"ann": "*", "bob": "-news", "eve": "sport,news"})
    >>> sorted(index.matching("news"))
    ['ann', 'eve']
    >>> index["bob"] = "news"
    >>> len(index.matching("news")), index["bob"]
    (3, CategoryFilter('news'))

    It takes filters, or texts, which it parses. Setting and deleting a key, and the length of a
    match, cost nothing that grows with the number of keys.

    Threads may use it at once, and iterate over a match while others write; so may finalizers and
    signal handlers, whose writes take effect once the one that they interrupted is done. Only
    iterating over the index itself is no safer than over a dict, which is to say while nobody
    writes. Keys are hashed and compared under a lock, so they should do that as a dict expects.

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
        self._writing = False
        self._postponed: deque[tuple[Callable[..., None], tuple[object, ...]]] = deque()
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
                error.add_note(f"the key is {repr(key)[:_LONG_KEY]}")
                raise
        hash(key)  # what cannot be hashed gets no further
        self._write(self._set, key, wanted)

    def __delitem__(self, key: K) -> None:
        with self._lock:
            if key not in self._blocks:
                raise KeyError(key)
            self._write(self._delete, key)

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
        """Remove the newest key, as a dict does, and give it with its filter.

        Raises:
            KeyError: The index is empty.
        """
        removed: list[tuple[K, CategoryFilter]] = []
        self._write(self._delete_newest, removed)
        return removed[0]

    def clear(self) -> None:
        """Remove every key, at once."""
        self._write(self._adopt, FilterIndex[K]())

    def copy(self) -> FilterIndex[K]:
        """Another index with the same entries."""
        return FilterIndex(self._entries())

    __copy__ = copy

    def __reduce__(self) -> tuple[type[FilterIndex[K]], tuple[dict[K, CategoryFilter]]]:
        return FilterIndex, (self._entries(),)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, FilterIndex):
            other = cast("FilterIndex[K]", other)._entries()
        return self._entries() == other

    def __repr__(self) -> str:
        return f"<FilterIndex of {len(self):,} keys with {len(self._groups):,} filters>"

    def _write(self, operation: Callable[..., None], *arguments: object) -> None:
        """Change the index, wholly or not at all, and nothing else meanwhile.

        Between any two steps a finalizer or a signal handler may run, and write in its turn, from
        this very thread. Its operation waits until this one is done. And whatever stops an
        operation halfway, be it Ctrl-C or a key's own `__eq__`, leaves the keys and their filters
        right; from these the rest is built anew.
        """
        with self._lock:
            if self._writing:
                self._postponed.append((operation, arguments))
                return
            self._writing = True
            try:
                operation(*arguments)
                while self._postponed:
                    operation, arguments = self._postponed.popleft()
                    operation(*arguments)
            except BaseException:
                self._adopt(FilterIndex(self._entries()))
                raise
            finally:
                self._writing = False

    def _read(self, operation: Callable[..., None], *arguments: object) -> None:
        """Look at the index while nothing changes it, the writes of this very thread included."""
        with self._lock:
            (operation if self._writing else partial(self._write, operation))(*arguments)

    def _entries(self) -> dict[K, CategoryFilter]:
        entries: dict[K, CategoryFilter] = {}
        self._read(self._collect_entries, entries)
        return entries

    def _collect_entries(self, entries: dict[K, CategoryFilter]) -> None:
        entries.update((key, block.group.filter) for key, block in self._blocks.items())

    def _adopt(self, other: FilterIndex[K]) -> None:
        """Take what another index holds for one's own."""
        self._groups, self._names = other._groups, other._names
        self._open, self._open_keys = other._open, other._open_keys
        self._blocks = other._blocks

    def _set(self, key: K, f: CategoryFilter) -> None:
        block = self._blocks.get(key)
        group = self._groups.get(f) or self._found(f)
        if block is None:
            self._blocks[key] = self._enter(key, group)
        elif block.group is not group:
            self._blocks[key] = self._enter(self._leave(key, block), group)

    def _delete(self, key: K) -> None:
        block = self._blocks.get(key)
        if block is not None:
            self._leave(key, block)
            del self._blocks[key]

    def _delete_newest(self, removed: list[tuple[K, CategoryFilter]]) -> None:
        key, block = self._blocks.popitem()
        removed.append((key, block.group.filter))
        self._leave(key, block)

    def _enter(self, key: K, group: _Group[K]) -> _Block[K]:
        block = group.blocks[-1]
        if len(block.keys) == _FULL:
            block = _Block(group, self._snapshots)
            group.blocks.append(block)
        elif block.snapshot != self._snapshots:
            self._unshare(block)
        block.keys[key] = key
        self._count(group, 1)
        return block

    def _leave(self, key: K, block: _Block[K]) -> K:
        """Take a key out of its block, and give the object that was set first, as a dict keeps."""
        group = block.group
        last = group.blocks[-1]
        if block.snapshot != self._snapshots:
            self._unshare(block)
        key = block.keys.pop(key)
        if block is not last:
            if last.snapshot != self._snapshots:
                self._unshare(last)
            moved, _ = last.keys.popitem()
            block.keys[moved] = moved
            self._blocks[moved] = block
        self._count(group, -1)
        if not last.keys:
            group.blocks.pop()
            if not group.blocks:
                self._dissolve(group)
        return key

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

    def _snapshot(self, category: str) -> list[dict[K, K]]:
        """The blocks of keys that match; none of them changes any more."""
        blocks: list[dict[K, K]] = []
        self._read(self._collect_blocks, category, blocks)
        return blocks

    def _collect_blocks(self, category: str, blocks: list[dict[K, K]]) -> None:
        name = self._names.get(category)
        listing = name.groups if name else {}
        groups = [group for group in listing if not group.open]
        groups += [group for group in self._open if group not in listing]
        blocks += [block.keys for group in groups for block in group.blocks]
        if blocks:
            self._snapshots += 1


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
    length and an iteration tell may differ by what was written in between. An iteration that is
    kept unfinished keeps its keys alive.
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
    """Some keys of a group, each with itself, and the last snapshot that cannot hold them."""

    __slots__ = ("group", "keys", "snapshot")

    def __init__(self, group: _Group[K], snapshot: int) -> None:
        self.group = group
        self.keys: dict[K, K] = {}
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

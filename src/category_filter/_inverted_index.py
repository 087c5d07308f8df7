"""The inverted index behind `FilterIndex`: from a category to the keys whose filter allows it.

Keys with equal filters form a group, and each name knows the groups that list it. The keys that
match a category are then a list of disjoint groups: the include lists with the name, and the
exclude lists without it.

A group keeps its keys in blocks, all full except the last. A snapshot takes the current blocks, and
a block that a snapshot may hold is copied before its next change (copy-on-write). So an iteration
sees one state, copies nothing, and costs a writer a few block copies at most.
"""

from __future__ import annotations

from collections import deque
from functools import partial
from threading import RLock
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from category_filter._filter import CategoryFilter

__all__ = ["InvertedIndex"]

K = TypeVar("K")

_BLOCK_SIZE = 300
"""Keys per block: a dict of them takes 29 bytes per key, and 3 µs to copy."""


class InvertedIndex(Generic[K]):
    """Keys, their filters, and for each category the keys that match.

    Every write is atomic, even if interrupted. Between any two bytecodes a finalizer or a signal
    handler may run in this very thread and write too; its write is queued until the current one is
    done.
    """

    def __init__(self) -> None:
        self.lock = RLock()
        self._generation = 0
        self._blocks: dict[K, _Block[K]] = {}
        self._groups: dict[CategoryFilter, _Group[K]] = {}
        self._names: dict[str, _Name[K]] = {}
        self._exclude_groups: dict[_Group[K], None] = {}
        self._exclude_keys = 0
        self._writing = False
        self._queue: deque[Callable[[], None]] = deque()

    def __len__(self) -> int:
        return len(self._blocks)

    def __iter__(self) -> Iterator[K]:
        return iter(self._blocks)

    def __contains__(self, key: object) -> bool:
        return key in self._blocks

    def __getitem__(self, key: K) -> CategoryFilter:
        return self._blocks[key].group.filter

    @property
    def filter_count(self) -> int:
        """The number of distinct filters."""
        return len(self._groups)

    def set(self, key: K, f: CategoryFilter) -> None:
        """Set the filter of a key."""
        self._write(partial(self._set, key, f))

    def delete(self, key: K) -> None:
        """Delete a key, if it exists."""
        self._write(partial(self._delete, key))

    def delete_newest(self) -> tuple[K, CategoryFilter]:
        """Delete the newest key, and return it with its filter.

        Raises:
            KeyError: If the index is empty.
        """
        deleted: list[tuple[K, CategoryFilter]] = []
        self._write(partial(self._delete_newest, deleted))
        return deleted[0]

    def clear(self) -> None:
        """Delete all keys at once."""
        self._write(partial(self._replace_state, {}))

    def entries(self) -> dict[K, CategoryFilter]:
        """Return a copy of all keys and filters."""
        entries: dict[K, CategoryFilter] = {}
        self._read(partial(self._collect_entries, entries))
        return entries

    def count(self, category: str) -> int:
        """Return the number of keys that match a category."""
        with self.lock:
            name = self._names.get(category)
            return self._exclude_keys + (name.surplus if name else 0)

    def snapshot(self, category: str) -> list[dict[K, K]]:
        """Return the blocks of keys that match a category. They never change."""
        blocks: list[dict[K, K]] = []
        self._read(partial(self._collect_blocks, category, blocks))
        return blocks

    def _write(self, operation: Callable[[], None]) -> None:
        """Run an operation, or queue it if this thread is already inside one.

        If an operation fails halfway, through Ctrl-C or a key's own `__eq__`, the keys and their
        filters are still right. Everything else is rebuilt from them.
        """
        with self.lock:
            if self._writing:
                self._queue.append(operation)
                return
            self._writing = True
            try:
                operation()
                while self._queue:
                    self._queue.popleft()()
            except BaseException:
                self._replace_state(self.entries())
                raise
            finally:
                self._writing = False

    def _read(self, operation: Callable[[], None]) -> None:
        """Run an operation during which nothing writes, not even this thread."""
        with self.lock:
            if self._writing:
                operation()
            else:
                self._write(operation)

    def _collect_entries(self, entries: dict[K, CategoryFilter]) -> None:
        entries.update((key, block.group.filter) for key, block in self._blocks.items())

    def _collect_blocks(self, category: str, blocks: list[dict[K, K]]) -> None:
        name = self._names.get(category)
        listing = name.groups if name else {}
        groups = [group for group in listing if not group.is_exclude]
        groups += [group for group in self._exclude_groups if group not in listing]
        blocks += [block.keys for group in groups for block in group.blocks]
        if blocks:
            self._generation += 1

    def _replace_state(self, entries: dict[K, CategoryFilter]) -> None:
        """Build the state of other entries, then switch to it."""
        new = InvertedIndex[K]()
        for key, f in entries.items():
            new.set(key, f)
        self._groups, self._names = new._groups, new._names
        self._exclude_groups, self._exclude_keys = new._exclude_groups, new._exclude_keys
        self._blocks = new._blocks

    def _set(self, key: K, f: CategoryFilter) -> None:
        block = self._blocks.get(key)
        group = self._groups.get(f) or self._create_group(f)
        if block is None:
            self._blocks[key] = self._add_key(key, group)
        elif block.group is not group:
            self._blocks[key] = self._add_key(self._remove_key(key, block), group)

    def _delete(self, key: K) -> None:
        block = self._blocks.get(key)
        if block is not None:
            self._remove_key(key, block)
            del self._blocks[key]

    def _delete_newest(self, deleted: list[tuple[K, CategoryFilter]]) -> None:
        key, block = self._blocks.popitem()
        deleted.append((key, block.group.filter))
        self._remove_key(key, block)

    def _add_key(self, key: K, group: _Group[K]) -> _Block[K]:
        block = group.blocks[-1]
        if len(block.keys) == _BLOCK_SIZE:
            block = _Block(group, self._generation)
            group.blocks.append(block)
        else:
            self._copy_on_write(block)
        block.keys[key] = key
        self._count(group, 1)
        return block

    def _remove_key(self, key: K, block: _Block[K]) -> K:
        """Remove a key from its block, and return the key object that was set first."""
        group = block.group
        last = group.blocks[-1]
        self._copy_on_write(block)
        key = block.keys.pop(key)
        if block is not last:
            self._copy_on_write(last)
            moved, _ = last.keys.popitem()
            block.keys[moved] = moved
            self._blocks[moved] = block
        self._count(group, -1)
        if not last.keys:
            group.blocks.pop()
            if not group.blocks:
                self._remove_group(group)
        return key

    def _copy_on_write(self, block: _Block[K]) -> None:
        """Before a change, leave the keys to the snapshots that may hold them."""
        if block.generation != self._generation:
            block.keys = block.keys.copy()
            block.generation = self._generation

    def _count(self, group: _Group[K], keys: int) -> None:
        if group.is_exclude:
            self._exclude_keys += keys
            keys = -keys
        for name in group.names:
            name.surplus += keys

    def _create_group(self, f: CategoryFilter) -> _Group[K]:
        names: list[_Name[K]] = []
        for listed in f.names:
            name = self._names.get(listed)
            if name is None:
                name = self._names[listed] = _Name(listed)
            names.append(name)
        group = self._groups[f] = _Group(f, names)
        group.blocks.append(_Block(group, self._generation))
        for name in names:
            name.groups[group] = None
        if group.is_exclude:
            self._exclude_groups[group] = None
        return group

    def _remove_group(self, group: _Group[K]) -> None:
        del self._groups[group.filter]
        if group.is_exclude:
            del self._exclude_groups[group]
        for name in group.names:
            del name.groups[group]
            if not name.groups:
                del self._names[name.name]


class _Group(Generic[K]):
    """The keys of one filter, and the names it lists."""

    __slots__ = ("blocks", "filter", "is_exclude", "names")

    def __init__(self, f: CategoryFilter, names: list[_Name[K]]) -> None:
        self.filter = f
        self.names = names
        self.is_exclude = f.allows_unlisted
        self.blocks: list[_Block[K]] = []


class _Block(Generic[K]):
    """Some keys of a group, each mapped to itself, and the generation that last changed them."""

    __slots__ = ("generation", "group", "keys")

    def __init__(self, group: _Group[K], generation: int) -> None:
        self.group = group
        self.keys: dict[K, K] = {}
        self.generation = generation


class _Name(Generic[K]):
    """The groups that list a name, and how many more keys allow it than there are exclude keys.

    A key with `name,...` adds one to that surplus, and a key with `-name,...` subtracts one. The
    number of keys that allow the name is the number of keys with an exclude list plus the surplus.
    """

    __slots__ = ("groups", "name", "surplus")

    def __init__(self, name: str) -> None:
        self.name = name
        self.groups: dict[_Group[K], None] = {}
        self.surplus = 0

"""Who wants this category: FilterIndex beside what a user would write or pick instead.

python benchmarks/index.py            the tables, and the chart in index.svg
python benchmarks/index.py --quick    everything at the smallest size, to see that it works
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Protocol, TypeVar

from matplotlib import pyplot as plt
from pyroaring import BitMap
from timing import side_by_side

from category_filter import CategoryFilter, FilterIndex
from category_filter.navixy import CATEGORIES

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

CATEGORY = "chat_message"
KNOWN = tuple(CATEGORIES)


class Contestant(Protocol):
    """What every one of them can do, with keys that are integers."""

    def set(self, key: int, f: CategoryFilter) -> None:
        """Set or replace a subscription."""

    def count(self, category: str) -> int:
        """How many want the category."""
        ...

    def keys(self, category: str) -> Collection[int]:
        """Which ones."""
        ...


C = TypeVar("C", bound=Contestant)


class Loop:
    """A dict from key to filter, and a question to every filter."""

    def __init__(self) -> None:
        self.filters: dict[int, CategoryFilter] = {}

    def set(self, key: int, f: CategoryFilter) -> None:
        self.filters[key] = f

    def count(self, category: str) -> int:
        return sum(f.allows(category) for f in self.filters.values())

    def keys(self, category: str) -> Collection[int]:
        return [key for key, f in self.filters.items() if f.allows(category)]


class SetsByCategory(Loop):
    """Beside the dict, a set of keys for each known category; an unknown one finds nobody."""

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
    """Beside the dict, compressed bitmaps: who lists a name, and who allows what is not listed."""

    def __init__(self) -> None:
        super().__init__()
        self.open = BitMap()
        self.listed: dict[str, BitMap] = {}

    def set(self, key: int, f: CategoryFilter) -> None:
        old = self.filters.get(key)
        if old is not None:
            for name in old.names:
                self.listed[name].remove(key)
            self.open.discard(key)
        super().set(key, f)
        for name in f.names:
            self.listed.setdefault(name, BitMap()).add(key)
        if f.allows_unlisted:
            self.open.add(key)

    def matching(self, category: str) -> BitMap:
        return self.open ^ self.listed.get(category, BitMap())

    def count(self, category: str) -> int:
        return len(self.matching(category))

    def keys(self, category: str) -> Collection[int]:
        return list(self.matching(category))


class Index:
    """The library."""

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


def some_filters(count: int) -> list[CategoryFilter]:
    """Filters of the six categories, as subscribers would choose them."""
    dice = random.Random(count)  # noqa: S311 - no secrets here
    makes = (CategoryFilter.only, CategoryFilter.all_except)
    return [dice.choice(makes)(*dice.sample(KNOWN, dice.randint(0, 5))) for _ in range(count)]


def distinct_filters(count: int) -> list[CategoryFilter]:
    """Filters of three hundred categories, no two of them equal."""
    dice = random.Random(count)  # noqa: S311 - no secrets here
    names = [CATEGORY, *(f"category_{number}" for number in range(299))]
    found: dict[CategoryFilter, None] = {}
    while len(found) < count:
        make = dice.choice((CategoryFilter.only, CategoryFilter.all_except))
        found[make(*dice.sample(names, dice.randint(1, 9)))] = None
    return list(found)


def shuffled_keys(count: int) -> list[int]:
    """Keys in no order."""
    keys = list(range(count))
    random.Random(0).shuffle(keys)  # noqa: S311 - no secrets here
    return keys


def filled(make: Callable[[], C], filters: Sequence[CategoryFilter], keys: Sequence[int]) -> C:
    """A contestant with a subscription for each filter."""
    contestant = make()
    for key, f in zip(keys, filters, strict=True):
        contestant.set(key, f)
    return contestant


def seconds(call: Callable[[], object], turns: int = 3) -> float:
    """The least that a call took."""
    best = float("inf")
    for _ in range(turns):
        start = perf_counter()
        call()
        best = min(best, perf_counter() - start)
    return best


def setting(contestant: Contestant, filters: Iterable[CategoryFilter]) -> Callable[[], None]:
    """One call that replaces every subscription."""

    def call() -> None:
        for key, f in enumerate(filters):
            contestant.set(key, f)

    return call


def resident() -> int:
    """Bytes of memory that this process holds (Linux)."""
    pages = Path("/proc/self/statm").read_text("ascii").split()[1]
    return int(pages) * os.sysconf("SC_PAGESIZE")


def print_memory(name: str, size: int) -> None:
    """In a process of its own: what a contestant holds beyond keys and filters."""
    filters, keys = some_filters(size), shuffled_keys(size)
    before = resident()
    contestant = filled(CONTESTANTS[name], filters, keys)
    print(resident() - before)
    assert contestant.count(CATEGORY) <= size  # noqa: S101 - still needed, so still held


def memory(name: str, size: int) -> int:
    """Bytes that a contestant holds."""
    command = [sys.executable, __file__, "--memory", name, str(size)]
    return int(subprocess.run(command, check=True, capture_output=True).stdout)


Measured = dict[str, dict[str, dict[int, float]]]
"""By measurement, contestant and size."""


def measure(sizes: Sequence[int]) -> Measured:
    """Everything, at every size."""
    measured: Measured = {
        what: {name: {} for name in CONTESTANTS}
        for what in ("count, µs", "list, ms", "replace, µs a key", "memory, bytes a key")
    }
    for size in sizes:
        filters, keys = some_filters(size), shuffled_keys(size)
        contestants = {name: filled(make, filters, keys) for name, make in CONTESTANTS.items()}
        turns = 5
        counts = side_by_side(
            {name: partial(each.count, CATEGORY) for name, each in contestants.items()}, turns=turns
        )
        lists = side_by_side(
            {name: partial(each.keys, CATEGORY) for name, each in contestants.items()}, turns=turns
        )
        for name, contestant in contestants.items():
            replace = seconds(setting(contestant, filters), turns=1) / size
            measured["count, µs"][name][size] = counts[name] * 1e6
            measured["list, ms"][name][size] = lists[name] * 1e3
            measured["replace, µs a key"][name][size] = replace * 1e6
            measured["memory, bytes a key"][name][size] = memory(name, size) / size
    return measured


def limits(size: int, distinct: int) -> str:
    """What the index promises, and what it keeps."""
    filters, keys = some_filters(size), shuffled_keys(size)
    loop, index = filled(Loop, filters, keys), filled(Index, filters, keys)
    matching = set(index.keys(CATEGORY))
    times = side_by_side(
        {
            "count by loop": lambda: loop.count(CATEGORY),
            "count": lambda: index.count(CATEGORY),
            "list by loop": lambda: loop.keys(CATEGORY),
            "list": lambda: index.keys(CATEGORY),
            "list of a set": lambda: list(matching),
        },
        turns=5,
    )
    creating = seconds(partial(filled, Index, filters, keys))
    creating -= seconds(partial(filled, Loop, filters, keys))
    other = filters[1:] + filters[:1]
    replacing = seconds(setting(index, other), turns=1) - seconds(setting(loop, other), turns=1)
    holding = memory(OURS, size) / memory("a loop over allows", size)

    filters, keys = distinct_filters(distinct), shuffled_keys(distinct)
    loop, index = filled(Loop, filters, keys), filled(Index, filters, keys)
    counts = side_by_side(
        {"loop": lambda: loop.count(CATEGORY), "count": lambda: index.count(CATEGORY)}, turns=3
    )
    others = distinct_filters(2 * distinct)[distinct:]
    replacing_one = seconds(setting(index, others), turns=1) / distinct

    def delete_all() -> None:
        for key in keys:
            index.delete(key)

    deleting_one = seconds(delete_all, turns=1) / distinct
    rows = [
        ("`len` of a match, of the loop", times["count"] / times["count by loop"], "0.001"),
        ("listing a match, of the loop", times["list"] / times["list by loop"], "0.33"),
        ("listing a match, of `list()` of one set", times["list"] / times["list of a set"], "2"),
        ("setting a new key, beyond a dict", creating / size * 1e6, "3 µs"),
        ("replacing a key's filter, beyond a dict", replacing / size * 1e6, "3 µs"),
        ("memory, of a dict from key to shared filter", holding, "2.5"),
        (
            "distinct filters: `len` of a match, of the loop",
            counts["count"] / counts["loop"],
            "0.1",
        ),
        ("distinct filters: replacing a key's filter", replacing_one * 1e6, "30 µs"),
        ("distinct filters: deleting a key", deleting_one * 1e6, "30 µs"),
    ]
    lines = [f"| {what} | {figure:.2g} | {limit} |" for what, figure, limit in rows]
    return "\n".join(["| what | figure | at most |", "|---|---|---|", *lines])


def tables(measured: Measured) -> str:
    """One table a measurement, in Markdown."""
    blocks: list[str] = []
    for what, by_name in measured.items():
        sizes = list(by_name[OURS])
        lines = [f"| {what} | {' | '.join(f'{size:,} keys' for size in sizes)} |"]
        lines.append("|---" * (len(sizes) + 1) + "|")
        for name, by_size in by_name.items():
            lines.append(f"| {name} | {' | '.join(f'{by_size[size]:,.3g}' for size in sizes)} |")
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks)


def chart(measured: Measured, file: Path) -> None:
    """How each measurement grows with the number of keys."""
    plt.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "category-filter"})
    figure, axes = plt.subplots(2, 2, figsize=(9, 6.5), layout="constrained")
    for axis, (what, by_name) in zip(axes.flat, measured.items(), strict=True):
        for name, by_size in by_name.items():
            width = 2.5 if name == OURS else 1.2
            axis.plot(list(by_size), list(by_size.values()), "o-", label=name, linewidth=width)
        axis.set(xscale="log", yscale="log", xlabel="keys", title=what)
    axes[0, 0].legend()
    figure.savefig(file, metadata={"Date": None})


def main() -> None:
    """Measure, print, draw."""
    parser = argparse.ArgumentParser(description="Time the index beside its alternatives.")
    parser.add_argument("--quick", action="store_true", help="the smallest size, and no chart")
    parser.add_argument("--memory", nargs=2, metavar=("NAME", "SIZE"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.memory:
        name, size = arguments.memory
        print_memory(name, int(size))
        return
    quick: bool = arguments.quick
    print(limits(*((10_000, 3_000) if quick else (1_000_000, 300_000))))
    measured = measure([10_000] if quick else [10_000, 100_000, 1_000_000])
    print(f"\n{tables(measured)}")
    if not quick:
        chart(measured, Path(__file__).with_suffix(".svg"))


if __name__ == "__main__":
    main()

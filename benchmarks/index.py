"""Benchmark `FilterIndex` against code you would write yourself, and compressed bitmaps.

python benchmarks/index.py            print the tables, and draw index.svg
python benchmarks/index.py --quick    run everything at the smallest size, to see that it works
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, TypeVar

from index_contestants import CONTESTANTS, KNOWN, OURS, Contestant, Index, Loop
from matplotlib import pyplot as plt
from timing import short, side_by_side

from category_filter import CategoryFilter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

CATEGORY = "chat_message"

C = TypeVar("C", bound=Contestant)


def some_filters(count: int) -> list[CategoryFilter]:
    """Return random filters over six categories, many of them equal."""
    dice = random.Random(count)  # noqa: S311 - not for cryptography
    makes = (CategoryFilter.only, CategoryFilter.all_except)
    return [dice.choice(makes)(*dice.sample(KNOWN, dice.randint(0, 5))) for _ in range(count)]


def distinct_filters(count: int) -> list[CategoryFilter]:
    """Return distinct random filters over three hundred categories."""
    dice = random.Random(count)  # noqa: S311 - not for cryptography
    names = [CATEGORY, *(f"category_{number}" for number in range(299))]
    found: dict[CategoryFilter, None] = {}
    while len(found) < count:
        make = dice.choice((CategoryFilter.only, CategoryFilter.all_except))
        found[make(*dice.sample(names, dice.randint(1, 9)))] = None
    return list(found)


def shuffled_keys(count: int) -> list[int]:
    """Return keys in random order."""
    keys = list(range(count))
    random.Random(0).shuffle(keys)  # noqa: S311 - not for cryptography
    return keys


def filled(make: Callable[[], C], filters: Sequence[CategoryFilter], keys: Sequence[int]) -> C:
    """Create a contestant, and set a key for each filter."""
    contestant = make()
    for key, f in zip(keys, filters, strict=True):
        contestant.set(key, f)
    return contestant


def seconds(call: Callable[[], object], turns: int = 3) -> float:
    """Return the minimum time of a call."""
    best = float("inf")
    for _ in range(turns):
        start = perf_counter()
        call()
        best = min(best, perf_counter() - start)
    return best


def setting(contestant: Contestant, filters: Iterable[CategoryFilter]) -> Callable[[], None]:
    """Return a function that replaces the filter of every key."""

    def call() -> None:
        for key, f in enumerate(filters):
            contestant.set(key, f)

    return call


def resident() -> int:
    """Return the resident memory of this process, in bytes (Linux)."""
    # Not `statm`, which lags behind by up to some hundred kilobytes.
    lines = Path("/proc/self/smaps_rollup").read_text("ascii").splitlines()
    (kilobytes,) = (line.split()[1] for line in lines if line.startswith("Rss:"))
    return int(kilobytes) * 1024


def print_memory(name: str, size: int) -> None:
    """Print the memory of a contestant without keys and filters; run in a separate process."""
    filters, keys = some_filters(size), shuffled_keys(size)
    before = resident()
    contestant = filled(CONTESTANTS[name], filters, keys)
    print(resident() - before)
    assert contestant.count(CATEGORY) <= size  # noqa: S101 - keeps the contestant alive until here


def memory(name: str, size: int) -> int:
    """Return the memory of a contestant, in bytes."""
    command = [sys.executable, __file__, "--memory", name, str(size)]
    return int(subprocess.run(command, check=True, capture_output=True).stdout)


Measured = dict[str, dict[str, dict[int, float]]]
"""Figures by measurement, contestant and size."""


def measure(sizes: Sequence[int]) -> Measured:
    """Measure everything at every size."""
    measured: Measured = {
        what: {name: {} for name in CONTESTANTS}
        for what in ("count, µs", "list, ms", "replace, µs per key", "memory, bytes per key")
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
            measured["replace, µs per key"][name][size] = replace * 1e6
            measured["memory, bytes per key"][name][size] = memory(name, size) / size
    return measured


def limits(size: int, distinct: int) -> str:
    """Return a Markdown table of the figures that have a limit."""
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
    # A small table may be smaller than one huge page of 2 MB, in which the system may count.
    large = max(size, 100_000)
    holding = memory(OURS, large) / memory("a loop over allows", large)

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
        (
            "`len` of a match, compared with a loop",
            percent(times["count"] / times["count by loop"]),
            "0.1 %",
        ),
        (
            "list a match, compared with a loop",
            percent(times["list"] / times["list by loop"]),
            "33 %",
        ),
        (
            "list a match, compared with a set of the same keys",
            f"{short(times['list'] / times['list of a set'])} ×",
            "2 ×",
        ),
        ("set a new key, beyond a dict", microseconds(creating / size), "3 µs"),
        ("replace a key's filter, beyond a dict", microseconds(replacing / size), "3 µs"),
        ("memory, compared with a dict of shared filters", f"{short(holding)} ×", "2.5 ×"),
        (
            "distinct filters: `len` of a match, compared with a loop",
            percent(counts["count"] / counts["loop"]),
            "10 %",
        ),
        ("distinct filters: replace a key's filter", microseconds(replacing_one), "30 µs"),
        ("distinct filters: delete a key", microseconds(deleting_one), "30 µs"),
    ]
    lines = [f"| {what} | {figure} | {limit} |" for what, figure, limit in rows]
    return "\n".join(["| what | figure | limit |", "|---|---|---|", *lines])


def percent(ratio: float) -> str:
    """Return a ratio as a percentage."""
    return f"{short(ratio * 100)} %"


def microseconds(time: float) -> str:
    """Return seconds as microseconds."""
    return f"{short(time * 1e6)} µs"


def tables(measured: Measured) -> str:
    """Return a Markdown table for each measurement."""
    blocks: list[str] = []
    for what, by_name in measured.items():
        sizes = list(by_name[OURS])
        lines = [f"| {what} | {' | '.join(f'{size:,} keys' for size in sizes)} |"]
        lines.append("|---" * (len(sizes) + 1) + "|")
        for name, by_size in by_name.items():
            lines.append(f"| {name} | {' | '.join(short(by_size[size]) for size in sizes)} |")
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks)


def chart(measured: Measured, file: Path) -> None:
    """Draw how each measurement grows with the number of keys."""
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
    """Run the benchmarks, and print and draw the results."""
    parser = argparse.ArgumentParser(description="Benchmark the index and its alternatives.")
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

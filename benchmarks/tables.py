"""Filters over tables: the library beside a loop over the rows, and beside the engines alone.

python benchmarks/tables.py            the tables, and the chart in tables.svg
python benchmarks/tables.py --quick    everything at the smallest size, to see that it works

Each figure comes from a process of its own, which reads its data first, and then does its work
three times, of which the fastest counts; what would take minutes is done once. The command, and the
copy beside it, are whole processes, with their start.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import shutil
import subprocess
import sys
import tempfile
from functools import cache, partial
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any, cast

import polars as pl
import pyarrow.parquet as pq
from matplotlib import pyplot as plt

from category_filter import Categories, CategoryFilter, CategoryFilterError
from category_filter.batch import audience, deliveries, keep, precompute

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

KNOWN = Categories([f"category_{number}" for number in range(30)])
COLUMN = "category_filter"
DISTINCT = 300
BAD = ("a;b", "x,,y", "-a,-b", "news sport", "*,a")
PROCESSES: dict[str, list[str | Path]] = {
    "command": [
        *(Path(sys.executable).with_name("category-filter"), "precompute"),
        *("subs.parquet", "out.parquet", "--categories", ",".join(KNOWN)),
    ],
    # What Polars takes to write a file of the same shape, without thinking about it.
    "copy": [
        *(sys.executable, "-c"),
        (
            "import polars as pl; nothing = pl.lit(None, dtype=pl.String);"
            "pl.scan_parquet('subs.parquet').with_columns(canonical=pl.col('category_filter'),"
            "mask=pl.col('account'), unknown=nothing, error=nothing).sink_parquet('copy.parquet')"
        ),
    ],
}


def some_texts() -> list[str]:
    """Three hundred filters, some of which list names that are not known."""
    dice = random.Random(1)  # noqa: S311 - no secrets here
    names = [*KNOWN, *(f"retired_{number}" for number in range(10))]
    found: dict[str, None] = {}
    while len(found) < DISTINCT:
        minus = dice.choice(("", "-"))
        found[minus + ",".join(dice.sample(names, dice.randint(1, 4)))] = None
    return list(found)


def write_tables(folder: Path, rows: int) -> None:
    """The files that are read: subscriptions, subscriptions that all differ, and events."""
    texts = some_texts()
    dice = pl.DataFrame({"row": range(rows)}).select(
        account=pl.col("row"), dice=pl.col("row").hash(7) % 2_000, pick=pl.col("row").hash(8)
    )
    good = pl.lit(pl.Series(texts)).gather(pl.col("pick") % len(texts))
    bad = pl.lit(pl.Series(BAD)).gather(pl.col("pick") % len(BAD))
    subs = dice.select(
        "account",
        pl.when(pl.col("dice").is_in([0, 1]))
        .then(bad)
        .when(pl.col("dice").is_in([2]))
        .then(None)
        .otherwise(good)
        .alias(COLUMN),
    )
    subs.write_parquet(folder / "subs.parquet")
    few = rows // 10
    different = pl.DataFrame({COLUMN: [f"category_{n % 30},n{n}" for n in range(few)]})
    different.write_parquet(folder / "different.parquet")
    numbers = pl.DataFrame({"row": range(few)})
    events = numbers.select(
        account=pl.col("row") * 7 % rows,
        category=pl.format("category_{}", pl.col("row").hash(9) % 35),
    )
    events.write_parquet(folder / "events.parquet")
    log = dice.select(category=pl.format("category_{}", pl.col("pick") % 35))
    log.write_parquet(folder / "log.parquet")


def row(text: str | None) -> tuple[str | None, int, str | None, str | None]:
    """What `precompute` adds to a row, for a loop."""
    try:
        f = CategoryFilter("*" if text is None else text)
    except CategoryFilterError as error:
        return None, 0, None, error.summary()
    return str(f), KNOWN.mask(f), ",".join(KNOWN.unknown(f)) or None, None


def looped(subs: pl.DataFrame, meaning: Callable[[str | None], tuple[Any, ...]]) -> pl.DataFrame:
    """The loop that one would write: over the rows, into lists, and back into the table."""
    columns: list[list[Any]] = [[], [], [], []]
    for text in subs[COLUMN].to_list():
        for column, value in zip(columns, meaning(text), strict=True):
            column.append(value)
    names = ("canonical", "mask", "unknown", "error")
    return subs.with_columns(pl.Series(n, c) for n, c in zip(names, columns, strict=True))


def work(name: str, folder: Path) -> Callable[[], object]:  # noqa: C901, PLR0911, PLR0912 - one case a contestant
    """What is to be timed, with its data at hand."""
    read = partial(pl.read_parquet, folder / "subs.parquet")
    match name:
        case "a loop":
            return partial(looped, read(), row)
        case "a loop with a memo":
            subs = read()
            return lambda: looped(subs, cache(row))
        case "precompute, Polars":
            return partial(precompute, read(), KNOWN)
        case "precompute, PyArrow dictionary":
            table = cast("Any", pq.read_table(folder / "subs.parquet", read_dictionary=[COLUMN]))
            return partial(precompute, table, KNOWN)
        case "precompute, pandas":
            return partial(precompute, read().to_pandas(), KNOWN)
        case "a loop, all different":
            different = pl.read_parquet(folder / "different.parquet")
            return partial(looped, different, row)
        case "precompute, all different":
            different = pl.read_parquet(folder / "different.parquet")
            return partial(precompute, different, KNOWN)
        case "keep":
            lazy = pl.scan_parquet(folder / "log.parquet")
            return lambda: keep(lazy, "-category_1,category_2").collect()
        case "is_in":
            lazy = pl.scan_parquet(folder / "log.parquet")
            listed = ["category_1", "category_2"]
            return lambda: lazy.filter(~pl.col("category").is_in(listed)).collect()
        case "audience":
            return partial(audience, read(), KNOWN, invalid="deny")
        case "value_counts":
            return read()[COLUMN].value_counts
        case "deliveries":
            subs, events = read(), pl.read_parquet(folder / "events.parquet")
            return partial(deliveries, subs, events, on="account", invalid="deny")
        case "join":
            subs, events = read(), pl.read_parquet(folder / "events.parquet")
            return lambda: events.join(subs, on="account")
        case "command" | "copy":
            return partial(
                subprocess.run, PROCESSES[name], check=True, cwd=folder, stderr=subprocess.DEVNULL
            )
        case _:
            raise ValueError(name)


SLOW = {"a loop"}


def measured(name: str, folder: Path) -> tuple[float, float]:
    """The seconds that the work takes in a process of its own, and its megabytes at most."""
    command = [sys.executable, __file__, "--work", name, str(folder)]
    result = subprocess.run(command, check=True, capture_output=True, text=True)
    seconds, megabytes = json.loads(result.stdout)
    return seconds, megabytes


def do(name: str, folder: Path) -> None:
    """Do the work and say what it took."""
    call = work(name, folder)
    best = float("inf")
    for _ in range(1 if name in SLOW else 3):
        start = perf_counter()
        call()
        best = min(best, perf_counter() - start)
    who = resource.RUSAGE_CHILDREN if name in PROCESSES else resource.RUSAGE_SELF
    print(json.dumps([best, resource.getrusage(who).ru_maxrss / 1024]))


BOUNDS = [
    ("a loop", "precompute, Polars", "at least", 10),
    ("a loop with a memo", "precompute, Polars", "at least", 3),
    ("a loop", "precompute, PyArrow dictionary", "at least", 10),
    ("a loop with a memo", "precompute, PyArrow dictionary", "at least", 3),
    ("a loop", "precompute, pandas", "at least", 4),
    ("precompute, all different", "a loop, all different", "at most", 1.5),
    ("keep", "is_in", "at most", 2),
    ("audience", "value_counts", "at most", 2.5),
    ("deliveries", "join", "at most", 2.5),
    ("command", "copy", "at most", 2.5),
]


def figures(sizes: Iterable[int]) -> dict[int, dict[str, tuple[float, float]]]:
    """Seconds and megabytes of everything, by the number of rows."""
    names = dict.fromkeys(name for bound in BOUNDS for name in bound[:2])
    found: dict[int, dict[str, tuple[float, float]]] = {}
    for rows in sizes:
        folder = Path(tempfile.mkdtemp())
        # In a process of its own, since another begins with the memory that its parent had.
        command = [sys.executable, __file__, "--write", str(rows), str(folder)]
        subprocess.run(command, check=True)
        found[rows] = {name: measured(name, folder) for name in names}
        shutil.rmtree(folder)
    return found


def show(found: dict[int, dict[str, tuple[float, float]]]) -> None:
    """Print the tables."""
    largest = found[max(found)]
    print(f"| {max(found):,} rows | of | figure | |\n|---|---|---|---|")
    for one, other, kind, bound in BOUNDS:
        print(
            f"| {one} | {other} | {largest[one][0] / largest[other][0]:.2f} × | {kind} {bound} × |"
        )
    for unit, index in (("s", 0), ("MB", 1)):
        print(f"\n| {unit} |", " | ".join(f"{rows:,} rows" for rows in found), "|")
        print("|---|" + "---|" * len(found))
        for name in largest:
            print(f"| {name} |", " | ".join(f"{by[name][index]:.3g}" for by in found.values()), "|")


def draw(found: dict[int, dict[str, tuple[float, float]]]) -> None:
    """Draw how the time grows with the rows."""
    figure, axes = plt.subplots(figsize=(8, 5), layout="constrained")
    for name in (
        *("a loop", "a loop with a memo", "precompute, pandas", "precompute, Polars"),
        *("precompute, PyArrow dictionary", "command"),
    ):
        axes.plot([*found], [by[name][0] for by in found.values()], marker="o", label=name)
    axes.set(xscale="log", yscale="log", xlabel="rows", ylabel="seconds")
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    figure.savefig(Path(__file__).with_suffix(".svg"), metadata={"Date": None})


def main() -> None:
    """Measure, print and draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="only see that it works")
    parser.add_argument("--work", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--write", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.write:
        rows, folder = arguments.write
        write_tables(Path(folder), int(rows))
        return
    if arguments.work:
        name, folder = arguments.work
        do(name, Path(folder))
        return
    found = figures([10_000] if arguments.quick else [100_000, 1_000_000, 10_000_000])
    show(found)
    if not arguments.quick:
        draw(found)


if __name__ == "__main__":
    main()

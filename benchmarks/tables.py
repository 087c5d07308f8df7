"""Filters over dataframes, compared with a loop over the rows and with the engines alone.

python benchmarks/tables.py            the tables, and the chart tables.svg
python benchmarks/tables.py --quick    the smallest size only, as a smoke test

Each contestant runs in a separate process. It reads its data, then does its work three times, and
the fastest counts; contestants that take minutes run once. From file to file, Polars is timed
as a whole process. The memory of Spark is that of Python alone.
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

from category_filter import Categories, CategoryFilter, CategoryFilterError
from category_filter.batch import audience, deliveries, filter_events, precompute

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

KNOWN = Categories([f"category_{number}" for number in range(30)])
COLUMN = "category_filter"
DISTINCT = 300
INVALID = ("a;b", "x,,y", "-a,-b", "news sport", "*,a")
COMMAND = "category-filter precompute"
REJECTS = f"{COMMAND} --rejects"
LAZY = "precompute, Polars, from file to file"
COPY = "Polars copying a file"
SPARK, SPARK_COPY = "precompute, Spark, from file to file", "Spark copying a file"
COMMAND_LINE: list[str | Path] = [
    *(Path(sys.executable).with_name("category-filter"), "precompute"),
    *("subscriptions.parquet", "out.parquet", "--categories", ",".join(KNOWN)),
]
PROCESSES: dict[str, list[str | Path]] = {
    COMMAND: COMMAND_LINE,
    REJECTS: [*COMMAND_LINE, "--rejects", "rejects.ndjson"],
    LAZY: [
        *(sys.executable, "-c"),
        (
            "import polars as pl; from category_filter import Categories;"
            "from category_filter.batch import precompute;"
            f"precompute(pl.scan_parquet('subscriptions.parquet'), Categories({[*KNOWN]}))"
            ".sink_parquet('lazy.parquet')"
        ),
    ],
    # Writes a file of the same shape, without looking at the filters.
    COPY: [
        *(sys.executable, "-c"),
        (
            "import polars as pl; null = pl.lit(None, dtype=pl.String);"
            "pl.scan_parquet('subscriptions.parquet')"
            ".with_columns(canonical=pl.col('category_filter'), mask=pl.col('account'),"
            " unknown=null, error=null).sink_parquet('copy.parquet')"
        ),
    ],
}


def distinct_filters() -> list[str]:
    """Return 300 filters, some of which list unknown names."""
    dice = random.Random(1)  # noqa: S311 - not for cryptography
    names = [*KNOWN, *(f"retired_{number}" for number in range(10))]
    found: dict[str, None] = {}
    while len(found) < DISTINCT:
        minus = dice.choice(("", "-"))
        found[minus + ",".join(dice.sample(names, dice.randint(1, 4)))] = None
    return list(found)


def write_tables(folder: Path, rows: int) -> None:
    """Write subscriptions, subscriptions whose filters all differ, and events."""
    texts = distinct_filters()
    dice = pl.DataFrame({"row": range(rows)}).select(
        account=pl.col("row"), dice=pl.col("row").hash(7) % 2_000, pick=pl.col("row").hash(8)
    )
    valid = pl.lit(pl.Series(texts)).gather(pl.col("pick") % len(texts))
    invalid = pl.lit(pl.Series(INVALID)).gather(pl.col("pick") % len(INVALID))
    subscriptions = dice.select(
        "account",
        pl.when(pl.col("dice").is_in([0, 1]))
        .then(invalid)
        .when(pl.col("dice").is_in([2]))
        .then(None)
        .otherwise(valid)
        .alias(COLUMN),
    )
    subscriptions.write_parquet(folder / "subscriptions.parquet")
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


def precomputed(text: str | None) -> tuple[str | None, int, str | None, str | None]:
    """Return what `precompute` adds to one row."""
    try:
        f = CategoryFilter("*" if text is None else text)
    except CategoryFilterError as error:
        return None, 0, None, error.summary()
    return str(f), KNOWN.mask(f), ",".join(KNOWN.unknown(f)) or None, None


def loop(
    subscriptions: pl.DataFrame, precomputed: Callable[[str | None], tuple[Any, ...]]
) -> pl.DataFrame:
    """Loop over the rows, append to lists, and add these to the dataframe."""
    columns: list[list[Any]] = [[], [], [], []]
    for text in subscriptions[COLUMN].to_list():
        for column, value in zip(columns, precomputed(text), strict=True):
            column.append(value)
    names = ("canonical", "mask", "unknown", "error")
    return subscriptions.with_columns(
        pl.Series(name, column) for name, column in zip(names, columns, strict=True)
    )


def prepare(name: str, folder: Path) -> Callable[[], object]:  # noqa: C901, PLR0911, PLR0912 - one case per contestant
    """Read the data of a contestant, and return the function to time."""
    read = partial(pl.read_parquet, folder / "subscriptions.parquet")
    match name:
        case "a loop":
            return partial(loop, read(), precomputed)
        case "a loop with a cache":
            subscriptions = read()
            return lambda: loop(subscriptions, cache(precomputed))
        case "precompute, Polars":
            return partial(precompute, read(), KNOWN)
        case "precompute, PyArrow dictionary":
            path = folder / "subscriptions.parquet"
            table = cast("Any", pq.read_table(path, read_dictionary=[COLUMN]))
            return partial(precompute, table, KNOWN)
        case "precompute, pandas":
            return partial(precompute, read().to_pandas(), KNOWN)
        case "a loop, all different":
            different = pl.read_parquet(folder / "different.parquet")
            return partial(loop, different, precomputed)
        case "precompute, all different":
            different = pl.read_parquet(folder / "different.parquet")
            return partial(precompute, different, KNOWN)
        case "filter_events":
            lazy = pl.scan_parquet(folder / "log.parquet")
            return lambda: filter_events(lazy, "-category_1,category_2").collect()
        case "is_in":
            lazy = pl.scan_parquet(folder / "log.parquet")
            listed = ["category_1", "category_2"]
            return lambda: lazy.filter(~pl.col("category").is_in(listed)).collect()
        case "audience":
            return partial(audience, read(), KNOWN, invalid="deny")
        case "value_counts":
            return read()[COLUMN].value_counts
        case "deliveries":
            subscriptions, events = read(), pl.read_parquet(folder / "events.parquet")
            return partial(deliveries, subscriptions, events, on="account", invalid="deny")
        case "join":
            subscriptions, events = read(), pl.read_parquet(folder / "events.parquet")
            return lambda: events.join(subscriptions, on="account")
        case _ if name in {SPARK, SPARK_COPY}:
            return spark_job(name, folder)
        case _:
            return partial(
                subprocess.run, PROCESSES[name], check=True, cwd=folder, stderr=subprocess.DEVNULL
            )


def spark_job(name: str, folder: Path) -> Callable[[], object]:
    """Return the function that writes what Spark reads, with four more columns."""
    from pyspark.sql import SparkSession, functions  # noqa: PLC0415 - takes seconds

    builder: Any = SparkSession.builder
    session = (
        builder.master("local[2]")
        .config("spark.ui.enabled", "false")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.log.level", "ERROR")
        .getOrCreate()
    )
    rows = session.read.parquet(str(folder / "subscriptions.parquet"))
    null = functions.lit(None).cast("string")
    new = {
        "canonical": functions.lit("*"),
        "mask": functions.lit(1),
        "unknown": null,
        "error": null,
    }

    def job() -> None:
        table = precompute(rows, KNOWN) if name == SPARK else rows.withColumns(new)
        table.write.mode("overwrite").parquet(str(folder / "spark.parquet"))

    return job


SLOW = {"a loop"}
"""The contestants that run once."""


def measure(name: str, folder: Path, turns: int) -> tuple[float, float]:
    """Run a contestant in a separate process; return its seconds and its peak megabytes."""
    turns = 1 if name in SLOW else turns
    command = [sys.executable, __file__, "--contestant", name, str(folder), str(turns)]
    result = subprocess.run(command, check=True, capture_output=True, text=True)
    seconds, megabytes = json.loads(result.stdout)
    return seconds, megabytes


def run(name: str, folder: Path, turns: int) -> None:
    """Run a contestant in this process, and print its seconds and its peak megabytes."""
    call = prepare(name, folder)
    best = float("inf")
    for _ in range(turns):
        start = perf_counter()
        call()
        best = min(best, perf_counter() - start)
    who = resource.RUSAGE_CHILDREN if name in PROCESSES else resource.RUSAGE_SELF
    print(json.dumps([best, resource.getrusage(who).ru_maxrss / 1024]))


BOUNDS = [
    ("a loop", "precompute, Polars", "at least", 10),
    ("a loop with a cache", "precompute, Polars", "at least", 3),
    ("a loop", "precompute, PyArrow dictionary", "at least", 10),
    ("a loop with a cache", "precompute, PyArrow dictionary", "at least", 3),
    ("a loop", "precompute, pandas", "at least", 4),
    ("precompute, all different", "a loop, all different", "at most", 1.5),
    ("filter_events", "is_in", "at most", 2),
    ("audience", "value_counts", "at most", 2.5),
    ("deliveries", "join", "at most", 2.5),
    (COMMAND, COPY, "at most", 1.8),
    (REJECTS, COMMAND, "at most", 1.2),
    (LAZY, COPY, "at most", 1.7),
    (SPARK, SPARK_COPY, "at most", 1.5),
]


def figures(sizes: Iterable[int], turns: int) -> dict[int, dict[str, tuple[float, float]]]:
    """Return the seconds and megabytes of each contestant, by number of rows."""
    names = dict.fromkeys(name for bound in BOUNDS for name in bound[:2])
    found: dict[int, dict[str, tuple[float, float]]] = {}
    for rows in sizes:
        folder = Path(tempfile.mkdtemp())
        # In a separate process, because children inherit the peak memory of their parent.
        command = [sys.executable, __file__, "--write", str(rows), str(folder)]
        subprocess.run(command, check=True)
        found[rows] = {name: measure(name, folder, turns) for name in names}
        shutil.rmtree(folder)
    return found


def show(found: dict[int, dict[str, tuple[float, float]]]) -> None:
    """Print the tables."""
    largest = found[max(found)]
    print(f"| {max(found):,} rows | compared with | figure | limit |\n|---|---|---|---|")
    for one, other, direction, bound in BOUNDS:
        ratio = largest[one][0] / largest[other][0]
        print(f"| {one} | {other} | {ratio:.2f} × | {direction} {bound} × |")
    for unit, index in (("s", 0), ("MB", 1)):
        print(f"\n| {unit} |", " | ".join(f"{rows:,} rows" for rows in found), "|")
        print("|---|" + "---|" * len(found))
        for name in largest:
            print(f"| {name} |", " | ".join(f"{by[name][index]:.3g}" for by in found.values()), "|")


def draw(found: dict[int, dict[str, tuple[float, float]]]) -> None:
    """Draw the time against the number of rows."""
    from matplotlib import pyplot as plt  # noqa: PLC0415 - each contestant would import it

    figure, axes = plt.subplots(figsize=(8, 5), layout="constrained")
    for name in (
        *("a loop", "a loop with a cache", "precompute, pandas", "precompute, Polars"),
        *("precompute, PyArrow dictionary", COMMAND),
    ):
        axes.plot([*found], [by[name][0] for by in found.values()], marker="o", label=name)
    axes.set(xscale="log", yscale="log", xlabel="rows", ylabel="seconds")
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    figure.savefig(Path(__file__).with_suffix(".svg"), metadata={"Date": None})


def main() -> None:
    """Measure, print and draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a small size, once, as a smoke test")
    parser.add_argument("--contestant", nargs=3, help=argparse.SUPPRESS)
    parser.add_argument("--write", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.write:
        rows, folder = arguments.write
        write_tables(Path(folder), int(rows))
        return
    if arguments.contestant:
        name, folder, turns = arguments.contestant
        run(name, Path(folder), int(turns))
        return
    if arguments.quick:
        show(figures([10_000], turns=1))
    else:
        found = figures([100_000, 1_000_000, 10_000_000], turns=3)
        show(found)
        draw(found)


if __name__ == "__main__":
    main()

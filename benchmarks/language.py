"""Benchmark the language against code you would write yourself, and other libraries.

python benchmarks/language.py            print the tables, and draw language.svg
python benchmarks/language.py --quick    run every measurement once, to see that it works
"""

from __future__ import annotations

import argparse
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from license_expression import Licensing
from matplotlib import pyplot as plt
from packaging.specifiers import SpecifierSet
from pathspec import PathSpec
from timing import codes, short, side_by_side

from category_filter import Categories, CategoryFilter, CategoryFilterError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

OURS = "category-filter"
MICRO, MILLI = 1e6, 1e3


class Row(NamedTuple):
    """A measurement: seconds by contestant, and the limit of ours compared with a baseline."""

    what: str
    times: dict[str, float]
    baseline: str
    limit: float
    """A ratio; in a row of differences, seconds beyond the baseline."""
    difference: bool = False

    @property
    def figure(self) -> str:
        """The ratio or the difference to the baseline, with its unit."""
        ours, base = self.times[OURS], self.times[self.baseline]
        return self._with_unit(ours - base if self.difference else ours / base)

    @property
    def limit_with_unit(self) -> str:
        """The limit, with its unit."""
        return self._with_unit(self.limit)

    def time(self, name: str) -> str:
        """Return a contestant's time, with its unit."""
        scale, unit = (MILLI, "ms") if self.difference else (MICRO, "µs")
        return f"{short(self.times[name] * scale)} {unit}"

    def _with_unit(self, figure: float) -> str:
        return f"+ {short(figure * MILLI)} ms" if self.difference else f"{short(figure)} ×"


def split(text: str) -> tuple[frozenset[str], bool]:
    """Parse as you would without a library: no whitespace, no validation, no errors."""
    if text == "*":
        return frozenset(), True
    if text.startswith("-"):
        return frozenset(text[1:].split(",")), True
    return frozenset(text.split(",")), False


licensing: Any = Licensing()


def gitignore(text: str) -> PathSpec[Any]:
    """Parse the names as lines of a .gitignore, which match the listed names."""
    return PathSpec.from_lines("gitignore", text.split(","))


def each(parse: Callable[[str], object], texts: Sequence[str]) -> Callable[[], None]:
    """Return a function that parses every string, so that no cache of one string helps."""

    def call() -> None:
        for text in texts:
            parse(text)

    return call


def parse_cached(turns: int) -> Row:
    """Parse a cached string, compared with a dict lookup in a function call."""
    text = "-history_task,history_rule"
    table = {text: CategoryFilter(text)}

    def look_up(text: str) -> CategoryFilter:
        return table[text]

    texts = [text] * 1_000
    times = side_by_side(
        {
            OURS: each(CategoryFilter, texts),
            "dict lookup": each(look_up, texts),
            "bare split": each(split, texts),
        },
        turns=turns,
        calls=len(texts),
    )
    return Row("parse a cached string", times, "dict lookup", 3)


def parse_short(turns: int) -> Row:
    """Parse a new string of two names."""
    count = 4_000
    texts = [f"{minus}history_{i},chat_{i}" for i, minus in zip(range(count), cycle(["", "-"]))]
    times = side_by_side(
        {
            OURS: each(CategoryFilter, texts),
            "bare split": each(split, texts),
            "packaging": each(SpecifierSet, [f">={i}.1,<{i + 1}.{i}" for i in range(count)]),
            "license-expression": each(
                licensing.parse, [f"history_{i} OR chat_{i}" for i in range(count // 10)] * 10
            ),
            "pathspec": each(gitignore, texts[1::2] * 2),
        },
        turns=turns,
        calls=count,
    )
    return Row("parse a new string, 2 names", times, "bare split", 3.5)


def parse_long(turns: int) -> Row:
    """Parse a new string of a thousand names."""
    texts = [",".join(f"category_{i}_{j}" for i in range(1_000)) for j in range(20)]
    times = side_by_side(
        {
            OURS: each(CategoryFilter, texts),
            "bare split": each(split, texts),
            "packaging": each(
                SpecifierSet, [",".join(f"!={i}.{j}" for i in range(1_000)) for j in range(20)]
            ),
            "pathspec": each(gitignore, texts),
        },
        turns=turns,
        calls=len(texts),
    )
    return Row("parse a new string, 1,000 names", times, "bare split", 2)


def allows(turns: int) -> Row:
    """Ask for one category."""
    listed = frozenset({"history_task", "history_rule"})

    def is_listed(category: str) -> bool:
        return category in listed

    categories = ["chat_message", "history_task"] * 500
    times = side_by_side(
        {
            OURS: each(CategoryFilter("-history_task,history_rule").allows, categories),
            "name in frozenset": each(is_listed, categories),
            "packaging": each(SpecifierSet(">=1.1,<2.2").contains, ["1.0", "1.5"] * 500),
            "pathspec": each(gitignore("history_task,history_rule").match_file, categories),
        },
        turns=turns,
        calls=len(categories),
    )
    return Row("allows", times, "name in frozenset", 1.6)


def import_library(turns: int) -> Row:
    """Import the library in a new process."""
    times = codes(
        {
            OURS: "import category_filter",
            "python -c pass": "pass",
            "packaging": "import packaging.specifiers",
            "license-expression": "import license_expression",
            "pathspec": "import pathspec",
        },
        turns=turns,
    )
    return Row("import", times, "python -c pass", 0.012, difference=True)


def first_parse(turns: int) -> Row:
    """Parse the first string in a new process, which loads Lark and the grammar."""
    times = codes(
        {
            OURS: "from category_filter import CategoryFilter; CategoryFilter('a')",
            "import lark": "import lark",
        },
        turns=turns,
    )
    return Row("first parse", times, "import lark", 0.025, difference=True)


_HOSTILE_LIMIT_MS = 40

HOSTILE = {
    "commas": "," * 65_536,
    "spaces": " " * 65_535 + "$",
    "line breaks": "\n" * 65_535 + "$",
    "a list, then an error": "a," * 32_767 + "\u00e9",
    "one name, then an error": "a" * 65_535 + "\u00e9",
    "minuses": ("-a," * 21_845)[:-1],
    "stars": "*," * 32_768,
    "no commas": "a " * 32_768,
    "look-alikes": "a\uff1b" * 32_768,
    "invisible characters": "\u200b" * 65_535 + "$",
    "a million characters": "a" * 1_000_000,
    "unknown names, short": ",".join(f"{i:04x}" for i in range(13_107))[:65_535],
    "unknown names, one edit away": ",".join(f"ctegory_{i:03}_name" for i in range(4_000))[:65_535],
    "unknown names, long": ",".join(f"{i:063}" for i in range(1_024))[:65_535],
}


def hostile(turns: int) -> list[tuple[str, float]]:
    """Return the time to reject each hostile string, message included, the slowest first."""
    known = Categories(f"category_{i:03}_name" for i in range(300))

    def reject(text: str) -> Callable[[], None]:
        def call() -> None:
            try:
                known.parse(text)
            except CategoryFilterError as error:
                str(error)
            else:
                raise AssertionError(text)

        return call

    times = side_by_side({name: reject(text) for name, text in HOSTILE.items()}, turns=turns)
    return sorted(times.items(), key=lambda item: -item[1])


def summary(rows: Sequence[Row]) -> str:
    """Return a Markdown table that compares ours with the baselines."""
    lines = ["| what | category-filter | baseline | ratio | limit |", "|---|---|---|---|---|"]
    for row in rows:
        base = f"{row.baseline}, {row.time(row.baseline)}"
        lines.append(
            f"| {row.what} | {row.time(OURS)} | {base} | {row.figure} | {row.limit_with_unit} |"
        )
    return "\n".join(lines)


def comparison(rows: Sequence[Row]) -> str:
    """Return a Markdown table of the others' times, as multiples of ours."""
    names = ["bare split", "packaging", "license-expression", "pathspec"]
    lines = [f"| what | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
    for row in rows:
        ratios = [
            f"{short(row.times[name] / row.times[OURS])} ×" if name in row.times else ""
            for name in names
        ]
        lines.append(f"| {row.what} | {' | '.join(ratios)} |")
    return "\n".join(lines)


def chart(rows: Sequence[Row], file: Path) -> None:
    """Draw every contestant as a multiple of the baseline, on a logarithmic axis."""
    plt.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "category-filter"})
    figure, axes = plt.subplots(len(rows), figsize=(8, 1.9 * len(rows)), layout="constrained")
    for axis, row in zip(axes, rows, strict=True):
        ordered = sorted(row.times, key=lambda name: row.times[name], reverse=True)
        ratios = [row.times[name] / row.times[row.baseline] for name in ordered]
        colors = ["#d1495b" if name == OURS else "#8d99ae" for name in ordered]
        bars = axis.barh(ordered, ratios, color=colors)
        labels = axis.bar_label(bars, [f"{ratio:.1f}×" for ratio in ratios], padding=3)
        for label in labels:
            label.set_backgroundcolor("white")
        axis.axvline(row.limit, color="#d1495b", linestyle=":", zorder=0)
        axis.set_xscale("log")
        axis.set_xlim(0.5, max(ratios) * 3)
        axis.set_title(f"{row.what} (dotted: the limit)", loc="left", fontsize="medium")
        axis.spines[["top", "right"]].set_visible(False)
    figure.savefig(file, metadata={"Date": None})


def main() -> None:
    """Run the benchmarks, and print and draw the results."""
    parser = argparse.ArgumentParser(description="Benchmark the language and its alternatives.")
    parser.add_argument("--quick", action="store_true", help="one turn each, and no chart")
    quick: bool = parser.parse_args().quick
    turns = 1 if quick else 15
    ratios = [measure(turns) for measure in (parse_cached, parse_short, parse_long, allows)]
    differences = [measure(1 if quick else 25) for measure in (import_library, first_parse)]
    rejected = hostile(1 if quick else 5)
    print(summary([*ratios, *differences]))
    slowest = short(rejected[0][1] * MILLI)
    print(f"| reject the slowest hostile string | {slowest} ms | | | {_HOSTILE_LIMIT_MS} ms |")
    print("\n| string | time |\n|---|---|")
    for name, seconds in rejected:
        print(f"| {name} | {short(seconds * MILLI)} ms |")
    print(f"\n{comparison([*ratios, differences[0]])}")
    if not quick:
        chart(ratios, Path(__file__).with_suffix(".svg"))


if __name__ == "__main__":
    main()

"""What parsing, asking and refusing cost, beside what a user would write or pick instead.

python benchmarks/language.py            the table, and the chart in language.svg
python benchmarks/language.py --quick    every measurement once, to see that all of them work
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
from timing import processes, side_by_side

from category_filter import Categories, CategoryFilter, CategoryFilterError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

OURS = "category-filter"
MICRO, MILLI = 1e6, 1e3


class Row(NamedTuple):
    """One measurement: seconds by contestant, ours against a baseline, and what is allowed."""

    what: str
    times: dict[str, float]
    baseline: str
    at_most: float
    """A ratio; in a row of differences, seconds beyond the baseline."""
    difference: bool = False

    @property
    def figure(self) -> float:
        """Ours over the baseline, or ours less the baseline."""
        ours, base = self.times[OURS], self.times[self.baseline]
        return ours - base if self.difference else ours / base


def split(text: str) -> tuple[frozenset[str], bool]:
    """The parser that a user would write: no blanks, no checks, no errors."""
    if text == "*":
        return frozenset(), True
    if text.startswith("-"):
        return frozenset(text[1:].split(",")), True
    return frozenset(text.split(",")), False


licensing: Any = Licensing()


def gitignore(text: str) -> PathSpec[Any]:
    """The same wish as lines of a .gitignore: what is listed matches."""
    return PathSpec.from_lines("gitignore", text.split(","))


def each(parse: Callable[[str], object], texts: Sequence[str]) -> Callable[[], None]:
    """One call that parses every text, so that no text is seen again soon."""

    def call() -> None:
        for text in texts:
            parse(text)

    return call


def seen(turns: int) -> Row:
    """A text seen before, ours against one dict lookup in a function call."""
    text = "-history_task,history_rule"
    table = {text: CategoryFilter(text)}

    def look_up(text: str) -> CategoryFilter:
        return table[text]

    texts = [text] * 1_000
    times = side_by_side(
        {
            OURS: each(CategoryFilter, texts),
            "a dict lookup": each(look_up, texts),
            "a bare split": each(split, texts),
        },
        turns=turns,
        calls=len(texts),
    )
    return Row("parse a text seen before", times, "a dict lookup", 3)


def new(turns: int) -> Row:
    """A new text of two names."""
    count = 4_000
    texts = [f"{minus}history_{i},chat_{i}" for i, minus in zip(range(count), cycle(["", "-"]))]
    times = side_by_side(
        {
            OURS: each(CategoryFilter, texts),
            "a bare split": each(split, texts),
            "packaging": each(SpecifierSet, [f">={i}.1,<{i + 1}.{i}" for i in range(count)]),
            "license-expression": each(
                licensing.parse, [f"history_{i} OR chat_{i}" for i in range(count // 10)] * 10
            ),
            "pathspec": each(gitignore, texts[1::2] * 2),
        },
        turns=turns,
        calls=count,
    )
    return Row("parse a new text, 2 names", times, "a bare split", 4)


def long(turns: int) -> Row:
    """A new text of a thousand names."""
    texts = [",".join(f"category_{i}_{j}" for i in range(1_000)) for j in range(20)]
    times = side_by_side(
        {
            OURS: each(CategoryFilter, texts),
            "a bare split": each(split, texts),
            "packaging": each(
                SpecifierSet, [",".join(f"!={i}.{j}" for i in range(1_000)) for j in range(20)]
            ),
            "pathspec": each(gitignore, texts),
        },
        turns=turns,
        calls=len(texts),
    )
    return Row("parse a new text, 1,000 names", times, "a bare split", 2.5)


def allows(turns: int) -> Row:
    """Asking for one category."""
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
    return Row("allows", times, "name in frozenset", 2)


def importing(turns: int) -> Row:
    """The import alone, in a fresh process."""
    times = processes(
        {
            OURS: "import category_filter",
            "python": "pass",
            "packaging": "import packaging.specifiers",
            "license-expression": "import license_expression",
            "pathspec": "import pathspec",
        },
        turns=turns,
    )
    return Row("import", times, "python", 0.015, difference=True)


def first(turns: int) -> Row:
    """The first parse in a fresh process, which loads Lark and the grammar."""
    times = processes(
        {
            OURS: "from category_filter import CategoryFilter; CategoryFilter('a')",
            "import lark": "import lark",
        },
        turns=turns,
    )
    return Row("first parse", times, "import lark", 0.025, difference=True)


HOSTILE = {
    "commas": "," * 65_536,
    "blanks": " " * 65_535 + "$",
    "line breaks": "\n" * 65_535 + "$",
    "a list, then a mistake": "a," * 32_767 + "\u00e9",
    "one name, then a mistake": "a" * 65_535 + "\u00e9",
    "minuses": ("-a," * 21_845)[:-1],
    "stars": "*," * 32_768,
    "no commas": "a " * 32_768,
    "look-alikes": "a\uff1b" * 32_768,
    "invisible": "\u200b" * 65_535 + "$",
    "beyond the limit": "a" * 1_000_000,
    "unknown, short": ",".join(f"{i:04x}" for i in range(13_107))[:65_535],
    "unknown, close": ",".join(f"ctegory_{i:03}_name" for i in range(4_000))[:65_535],
    "unknown, long": ",".join(f"{i:063}" for i in range(1_024))[:65_535],
}


def hostile(turns: int) -> list[tuple[str, float]]:
    """What it takes to refuse each hostile text, message included, the slowest first."""
    known = Categories(f"category_{i:03}_name" for i in range(300))

    def refuse(text: str) -> Callable[[], None]:
        def call() -> None:
            try:
                known.parse(text)
            except CategoryFilterError as error:
                str(error)
            else:
                raise AssertionError(text)

        return call

    times = side_by_side({name: refuse(text) for name, text in HOSTILE.items()}, turns=turns)
    return sorted(times.items(), key=lambda item: -item[1])


def table(rows: Sequence[Row]) -> str:
    """The rows in Markdown: ours against the baseline, and every other against ours."""
    lines = [
        "| what | ours | baseline | figure | at most | others, times ours |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows:
        unit, scale = ("ms", MILLI) if row.difference else ("µs", MICRO)
        others = ", ".join(
            f"{name} {time / row.times[OURS]:.1f}"
            for name, time in row.times.items()
            if name not in {OURS, row.baseline}
        )
        figure, limit = (
            (f"+ {row.figure * MILLI:.1f} ms", f"+ {row.at_most * MILLI:.0f} ms")
            if row.difference
            else (f"{row.figure:.2f} ×", f"{row.at_most:g} ×")
        )
        base = f"{row.baseline}, {row.times[row.baseline] * scale:.3g} {unit}"
        ours = f"{row.times[OURS] * scale:.3g} {unit}"
        lines.append(f"| {row.what} | {ours} | {base} | {figure} | {limit} | {others} |")
    return "\n".join(lines)


def chart(rows: Sequence[Row], file: Path) -> None:
    """Bars on a logarithmic axis: every contestant of a row as a multiple of the baseline."""
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
        axis.axvline(row.at_most, color="#d1495b", linestyle=":", zorder=0)
        axis.set_xscale("log")
        axis.set_xlim(0.5, max(ratios) * 3)
        axis.set_title(f"{row.what} (dotted: our limit)", loc="left", fontsize="medium")
        axis.spines[["top", "right"]].set_visible(False)
    figure.savefig(file, metadata={"Date": None})


def main() -> None:
    """Measure, print, draw."""
    parser = argparse.ArgumentParser(description="Time the language beside its alternatives.")
    parser.add_argument("--quick", action="store_true", help="one turn each, and no chart")
    quick: bool = parser.parse_args().quick
    turns = 1 if quick else 15
    ratios = [measure(turns) for measure in (seen, new, long, allows)]
    differences = [measure(1 if quick else 25) for measure in (importing, first)]
    print(table([*ratios, *differences]))
    print("\n| refuse 65,536 hostile characters | at most 50 ms |\n|---|---|")
    for name, seconds in hostile(1 if quick else 5):
        print(f"| {name} | {seconds * MILLI:.1f} ms |")
    if not quick:
        chart(ratios, Path(__file__).with_suffix(".svg"))


if __name__ == "__main__":
    main()

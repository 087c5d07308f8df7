"""Draw `speedup.svg`, the picture in the product page, from the figures in this folder's README.

python benchmarks/speedup.py
"""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import NamedTuple

from timing import short

FOLDER = Path(__file__).parent
SECONDS = {"s": 1.0, "ms": 1e-3, "µs": 1e-6}
WIDTH, ROW_HEIGHT, BAR_WIDTH = 760, 96, 420

# The picture has a background, and follows the reader's light or dark scheme.
SVG = """\
<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}"
  viewBox="0 0 {width} {height}" role="img">
<title>{title}</title>
<style>
  text {{ font: 15px system-ui, sans-serif; fill: #1f2328 }}
  .task, .gain {{ font-weight: 600 }}
  .page {{ fill: #ffffff; stroke: #d1d9e0 }}
  .loop {{ fill: #b8c0c8 }}
  .ours {{ fill: #0969da }}
  @media (prefers-color-scheme: dark) {{
    text {{ fill: #e6edf3 }}
    .page {{ fill: #0d1117; stroke: #3d444d }}
    .loop {{ fill: #59636e }}
    .ours {{ fill: #4493f8 }}
  }}
</style>
<rect class="page" x="0.5" y="0.5" width="{inner_width}" height="{inner_height}" rx="8"/>
{rows}
</svg>
"""

ROW = """\
<text class="task" x="20" y="{task_y}">{task}</text>
<rect class="loop" x="20" y="{loop_y}" width="{bar_width}" height="16" rx="2"/>
<text x="{text_x}" y="{loop_text_y}">a loop: {loop}</text>
<rect class="ours" x="20" y="{ours_y}" width="{ours_width}" height="16" rx="2"/>
<text x="{text_x}" y="{ours_text_y}">{name}: {ours}</text>
<text class="gain" x="{gain_x}" y="{task_y}" text-anchor="end">{gain}</text>"""


class Comparison(NamedTuple):
    """The seconds that this library and a loop over `allows` take for the same task."""

    task: str
    name: str
    ours: float
    loop: float

    @property
    def gain(self) -> str:
        return f"{float(f'{self.loop / self.ours:.2g}'):,.0f} times as fast"


def comparisons(readme: str) -> list[Comparison]:
    """Read the comparisons from the raw tables of the README, at the largest size."""
    count, listed, times = (table(readme, what) for what in ("count, µs", "list, ms", "time, s"))
    return [
        Comparison(
            "Count the recipients of an event, of a million subscriptions",
            "FilterIndex",
            count["FilterIndex"],
            count["a loop over allows"],
        ),
        Comparison(
            "List the recipients, about half of the million",
            "FilterIndex",
            listed["FilterIndex"],
            listed["a loop over allows"],
        ),
        Comparison(
            "Parse and validate ten million rows of a Polars dataframe",
            "precompute",
            times["`precompute`, Polars"],
            times["a loop"],
        ),
    ]


def table(readme: str, what: str) -> dict[str, float]:
    """Return the last column of a table, in seconds, by the first column.

    Args:
        readme: The README.
        what: The heading of the first column, which ends in the unit.
    """
    _, _, rest = readme.partition(f"| {what} |")
    _, _, *lines = rest.partition("\n\n")[0].splitlines()
    rows = [line.strip("| ").split(" | ") for line in lines]
    unit = SECONDS[what.rpartition(" ")[2]]
    return {name: float(values[-1].replace(",", "")) * unit for name, *values in rows}


def duration(seconds: float) -> str:
    """Return a duration with its unit.

    >>> duration(0.085), duration(6.4e-7)
    ('85 ms', '0.64 µs')
    """
    unit = next((unit for unit, size in SECONDS.items() if seconds >= size / 2), "µs")
    return f"{short(seconds / SECONDS[unit])} {unit}"


def chart(compared: list[Comparison]) -> str:
    """Return the picture as SVG."""
    rows = [
        ROW.format(
            task=escape(each.task),
            name=each.name,
            loop=duration(each.loop),
            ours=duration(each.ours),
            gain=each.gain,
            bar_width=BAR_WIDTH,
            ours_width=max(2, round(BAR_WIDTH * each.ours / each.loop)),
            text_x=BAR_WIDTH + 32,
            gain_x=WIDTH - 20,
            task_y=top + 34,
            loop_y=top + 46,
            loop_text_y=top + 59,
            ours_y=top + 70,
            ours_text_y=top + 83,
        )
        for top, each in zip(range(0, WIDTH, ROW_HEIGHT), compared, strict=False)
    ]
    height = ROW_HEIGHT * len(compared) + 20
    return SVG.format(
        title=escape("; ".join(f"{each.task}: {each.gain} as a loop" for each in compared)),
        width=WIDTH,
        height=height,
        inner_width=WIDTH - 1,
        inner_height=height - 1,
        rows="\n".join(rows),
    )


def main() -> None:
    """Draw the picture."""
    readme = (FOLDER / "README.md").read_text("utf-8")
    (FOLDER / "speedup.svg").write_text(chart(comparisons(readme)), "utf-8")


if __name__ == "__main__":
    main()

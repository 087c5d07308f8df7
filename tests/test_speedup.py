"""The picture in the product page shows the figures of the benchmarks, in light and in dark."""

import re
import runpy

import pytest
from readmes import ROOT

FOLDER = ROOT / "benchmarks"
PICTURE = (FOLDER / "speedup.svg").read_text("utf-8")


@pytest.fixture
def speedup(monkeypatch):
    monkeypatch.syspath_prepend(FOLDER)
    return runpy.run_path(str(FOLDER / "speedup.py"))


def test_the_picture_shows_the_figures_of_the_benchmarks(speedup):
    compared = speedup["comparisons"]((FOLDER / "README.md").read_text("utf-8"))
    assert speedup["chart"](compared) == PICTURE


def test_its_text_alternative_has_the_same_durations():
    (alternative,) = re.findall(
        r"!\[([^]]*)\]\(benchmarks/speedup\.svg\)", (ROOT / "README.md").read_text("utf-8")
    )
    duration = r"[0-9.,]+\s(?:s|ms|µs)\b"
    shown = re.findall(f": ({duration})", PICTURE)
    assert [" ".join(each.split()) for each in re.findall(duration, alternative)] == shown


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_and_bars_stand_out(scheme):
    """By the ratios of WCAG 2: 4.5 for text, and 3 for graphics."""
    light, _, dark = PICTURE.partition("@media (prefers-color-scheme: dark)")
    colors = dict(re.findall(r"(\S+) {[^}]*fill: (#\w{6})", {"light": light, "dark": dark}[scheme]))
    assert contrast(colors["text"], colors[".page"]) >= 4.5
    assert contrast(colors[".ours"], colors[".page"]) >= 3


def contrast(first, second):
    darker, lighter = sorted(map(luminance, (first, second)))
    return (lighter + 0.05) / (darker + 0.05)


def luminance(color):
    channels = (int(color[start : start + 2], 16) / 255 for start in (1, 3, 5))
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(c * weight for c, weight in zip(linear, (0.2126, 0.7152, 0.0722), strict=True))

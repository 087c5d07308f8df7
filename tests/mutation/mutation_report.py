"""The report of the mutation tests: figures, and the survivors with their reasons."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["write_report"]

REPORT = Path(__file__).with_name("survivors.md")
HEAD = """\
# Mutants that survive

Written by `tests/mutation/mutate.py`, which keeps the reasons. Each mutant below is one change of
the library that its tests do not notice, with the reason why they cannot or should not.

| module | mutants | killed | equivalent | without a reason | not run |
|---|---|---|---|---|---|
"""
NO_REASON = "(no reason yet)"


def write_report(cache: Path, modules: Iterable[str]) -> int:
    """Write the report, and return how many survivors have no reason.

    A module that was not run here keeps its figures and its survivors.
    """
    old = REPORT.read_text("utf-8") if REPORT.exists() else ""
    reasons = dict(re.findall(r"^- (.*)\n  (.*)$", old, re.MULTILINE))
    old_rows = {row.split("`")[1]: f"{row}\n" for row in re.findall(r"^\| `.*$", old, re.MULTILINE)}
    _, *parts = re.split(r"^## ", old, flags=re.MULTILINE)
    old_sections = {part.split("`")[1]: f"\n## {part.rstrip()}\n" for part in parts}
    rows, sections, unexplained = [], [], 0
    for module in modules:
        file = cache / f"{module.replace('/', '.')}.json"
        if not file.exists():
            rows.append(old_rows.get(module, f"| `{module}` | | | | | all |\n"))
            sections.append(old_sections.get(module, ""))
            continue
        state = json.loads(file.read_text("utf-8"))
        survivors = [key for key, lives in state["results"].items() if lives]
        lines = [f"- {key}\n  {reasons.get(key, NO_REASON)}\n" for key in survivors]
        missing = sum(line.endswith(f"{NO_REASON}\n") for line in lines)
        unexplained += missing
        count, run = state["mutants"], len(state["results"])
        figures = [count, run - len(survivors), len(survivors) - missing, missing, count - run]
        rows.append(f"| `{module}` | {' | '.join(map(str, figures))} |\n")
        if lines:
            sections.append(f"\n## `{module}`\n\n{''.join(lines)}")
    REPORT.write_text(HEAD + "".join(rows + sections), "utf-8")
    return unexplained

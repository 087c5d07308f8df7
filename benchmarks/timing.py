"""Timing side by side: contestants take turns, and the minimum of each counts."""

from __future__ import annotations

import subprocess
import sys
import time
from timeit import Timer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

TURN = 0.02
"""Seconds that one turn of a contestant takes, about."""


def side_by_side(
    contestants: Mapping[str, Callable[[], object]], *, turns: int, calls: int = 1
) -> dict[str, float]:
    """Seconds a call takes, for each contestant.

    Args:
        contestants: What to call, by name; each call makes `calls` calls of what is measured.
        turns: How often each has its turn.
        calls: By how many a time is divided.
    """
    timers = {name: Timer(call) for name, call in contestants.items()}
    numbers = {name: max(1, int(TURN / timer.timeit(1))) for name, timer in timers.items()}
    best = dict.fromkeys(contestants, float("inf"))
    for _ in range(turns):
        for name, timer in timers.items():
            best[name] = min(best[name], timer.timeit(numbers[name]) / numbers[name] / calls)
    return best


def processes(codes: Mapping[str, str], *, turns: int) -> dict[str, float]:
    """Seconds that a fresh interpreter takes to run each code."""
    best = dict.fromkeys(codes, float("inf"))
    for _ in range(turns):
        for name, code in codes.items():
            start = time.perf_counter()
            subprocess.run([sys.executable, "-c", code], check=True)
            best[name] = min(best[name], time.perf_counter() - start)
    return best

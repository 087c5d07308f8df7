"""Time alternatives side by side: they take turns, and the minimum of each counts."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from timeit import Timer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = ["codes", "processes", "short", "side_by_side"]

_TURN_S = 0.02
"""Approximate duration of one turn, in seconds."""


def side_by_side(
    contestants: Mapping[str, Callable[[], object]], *, turns: int, calls: int = 1
) -> dict[str, float]:
    """Return the seconds per call of each contestant.

    Args:
        contestants: Functions by name. Each makes `calls` of the calls to measure.
        turns: Number of turns of each contestant.
        calls: Number of calls by which a function's time is divided.
    """
    timers = {name: Timer(call) for name, call in contestants.items()}
    numbers = {name: max(1, int(_TURN_S / timer.timeit(1))) for name, timer in timers.items()}
    best = dict.fromkeys(contestants, float("inf"))
    for _ in range(turns):
        for name, timer in timers.items():
            best[name] = min(best[name], timer.timeit(numbers[name]) / numbers[name] / calls)
    return best


def processes(commands: Mapping[str, Sequence[str]], *, turns: int) -> dict[str, float]:
    """Return the seconds of each command as a whole process.

    The bytecode of every module is cached, as after an installation.
    """
    best = dict.fromkeys(commands, float("inf"))
    with tempfile.TemporaryDirectory() as cache:
        environment = os.environ | {"PYTHONPYCACHEPREFIX": cache}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        for _ in range(turns + 1):  # the first turn fills the cache
            for name, command in commands.items():
                start = time.perf_counter()
                subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment)
                best[name] = min(best[name], time.perf_counter() - start)
    return best


def codes(contestants: Mapping[str, str], *, turns: int) -> dict[str, float]:
    """Return the seconds that a new interpreter takes to run each code."""
    commands = {name: [sys.executable, "-c", code] for name, code in contestants.items()}
    return processes(commands, turns=turns)


def short(figure: float) -> str:
    """Return a number with two significant digits, without an exponent.

    >>> short(84_800), short(0.00079123), short(1.96)
    ('85,000', '0.00079', '2')
    """
    return f"{float(f'{figure:.2g}'):,.10f}".rstrip("0").rstrip(".")

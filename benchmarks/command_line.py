"""How long the command line takes to start, compared with a minimal Typer and Rich command.

python benchmarks/command_line.py            20 runs of each
python benchmarks/command_line.py --quick    one run of each, as a smoke test

Each run is a whole process, with the bytecode of every module cached, as after an installation. The
contestants take turns, and the fastest run of each counts.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter

LIMIT = 1.4

MINIMAL = """
import typer
from rich.console import Console

app = typer.Typer()

@app.command()
def hello(name: str) -> None:
    Console().print(f"Hello {name}")

app()
"""
COMMAND = str(Path(sys.executable).with_name("category-filter"))
CONTESTANTS = {
    "a minimal command": [sys.executable, "-c", MINIMAL, "world"],
    "--help": [COMMAND, "--help"],
    "explain": [COMMAND, "explain", "--", "-history_task,history_rule"],
}


def seconds(command: list[str], environment: dict[str, str]) -> float:
    """Run a command and return its wall-clock time."""
    start = perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment)
    return perf_counter() - start


def measure(runs: int) -> dict[str, float]:
    """Return the fastest run of each contestant, in seconds."""
    best = dict.fromkeys(CONTESTANTS, float("inf"))
    with tempfile.TemporaryDirectory() as cache:
        environment = os.environ | {"PYTHONPYCACHEPREFIX": cache}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        for _ in range(runs):
            for name, command in CONTESTANTS.items():
                best[name] = min(best[name], seconds(command, environment))
    return best


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one run of each, as a smoke test")
    best = measure(1 if parser.parse_args().quick else 20)
    baseline, *ours = best
    print(f"{baseline}: {best[baseline] * 1000:.0f} ms\n")
    print("| command | ms | figure | at most |\n|---|---|---|---|")
    for name in ours:
        ratio = best[name] / best[baseline]
        print(f"| {name} | {best[name] * 1000:.0f} | {ratio:.2f} × | {LIMIT} × |")


if __name__ == "__main__":
    main()

"""How long the command line takes to start, compared with a minimal Typer and Rich command.

python benchmarks/command_line.py            20 runs of each
python benchmarks/command_line.py --quick    one run of each, as a smoke test

Each run is a whole process, with the bytecode of every module cached, as after an installation. The
contestants take turns, and the fastest run of each counts.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from timing import processes

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


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one run of each, as a smoke test")
    best = processes(CONTESTANTS, turns=1 if parser.parse_args().quick else 20)
    baseline, *ours = best
    print(f"{baseline}: {best[baseline] * 1000:.0f} ms\n")
    print("| command | ms | figure | at most |\n|---|---|---|---|")
    for name in ours:
        ratio = best[name] / best[baseline]
        print(f"| {name} | {best[name] * 1000:.0f} | {ratio:.2f} × | {LIMIT} × |")


if __name__ == "__main__":
    main()

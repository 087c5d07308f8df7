"""Fuzz the library with inputs that coverage guides.

    python tests/fuzz/fuzz.py [--seconds S] [TARGET]...

Each target runs for 10 minutes by default, one after the other. `.fuzz_cache` keeps the inputs that
reach new code for the next run. An input that fails is kept there too, and its path is printed;
`fuzz_process.py TARGET PATH` runs it again.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

CACHE = Path(__file__).parents[2] / ".fuzz_cache"
sys.path.insert(0, str(Path(__file__).parents[1]))

from fuzz_targets import TARGETS  # noqa: E402 - found by the path above

MAX_LENGTH = 2_048


def fuzz(name: str, seconds: int) -> bool:
    """Fuzz a target; return False if an input failed."""
    corpus, seeds = CACHE / name / "corpus", CACHE / name / "seeds"
    for folder in (corpus, seeds):
        folder.mkdir(parents=True, exist_ok=True)
    for seed in TARGETS[name].seeds():
        (seeds / sha256(seed).hexdigest()[:16]).write_bytes(seed)
    options = {
        "max_total_time": seconds,
        "max_len": MAX_LENGTH,
        "timeout": 10,
        "rss_limit_mb": 4_096,
        "malloc_limit_mb": 1_000_000,  # a broken pickle announces any length
        "artifact_prefix": f"{CACHE / name}/",
        "print_final_stats": 1,
        "verbosity": 1,
    }
    result = subprocess.run(
        [
            *(sys.executable, str(Path(__file__).with_name("fuzz_process.py")), name),
            *(f"-{option}={value}" for option, value in options.items()),
            *(str(corpus), str(seeds)),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    if result.returncode:
        print(result.stdout[-8_000:])
    executions = re.search(r"number_of_executed_units: (\d+)", result.stdout)
    count = int(executions[1]) if executions else 0
    print(f"{name}: {count:,} executions, {'FAILED' if result.returncode else 'no findings'}")
    return not result.returncode


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(TARGETS))
    parser.add_argument("--seconds", type=int, default=600, help="for each target")
    options = parser.parse_args()
    results = [fuzz(name, options.seconds) for name in options.targets or TARGETS]
    sys.exit(not all(results))


if __name__ == "__main__":
    main()

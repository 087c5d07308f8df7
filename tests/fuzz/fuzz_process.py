"""Fuzz one target in this process: `fuzz_process.py TARGET [LIBFUZZER_OPTION]...`."""

from __future__ import annotations

import sys
from pathlib import Path


def main() -> None:
    import atheris  # noqa: PLC0415 - not on every platform

    sys.path.insert(0, str(Path(__file__).parents[1]))
    # The fuzzer keeps inputs that reach new code in the instrumented modules.
    with atheris.instrument_imports(include=["category_filter", "lark"]):
        from fuzz_targets import TARGETS  # noqa: PLC0415 - instrumented
    _, target, *options = sys.argv
    atheris.Setup([target, *options], TARGETS[target].run)
    atheris.Fuzz()


if __name__ == "__main__":
    main()

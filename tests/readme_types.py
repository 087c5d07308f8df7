"""Type-check the Python examples of every README, as mypy and pyright check the library."""

import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from readmes import READMES, ROOT, Block, blocks, name

HEADER = (
    "# pyright: strict, reportUnusedExpression=false, reportMissingTypeStubs=false, "
    "reportUnknownMemberType=false, reportUnknownVariableType=false, "
    "reportUnnecessaryTypeIgnoreComment=false\n"
)
"""An example may show the value of an expression, and use a library with incomplete types."""


def source(examples: list[Block]) -> str:
    """Return the code of some examples without prompts and output.

    Every line keeps its number, so that an error names the line in the README.
    """
    lines: list[str] = []
    for line, code in examples:
        lines += [""] * (line - len(lines))
        if code.startswith(">>>"):
            code_lines = (
                text[4:] if text.startswith((">>>", "...")) else "" for text in code.splitlines()
            )
            lines += code_lines
        else:
            lines += code.splitlines()
    return HEADER + "\n".join(lines[1:]) + "\n"


def modules() -> dict[str, str]:
    """Return the source of each module: one for each README, and one for each file it shows."""
    found: dict[str, str] = {}
    for readme in READMES:
        examples = [*blocks(readme, "python")]
        package = f"readme_{readme.parent.name if name(readme) != '.' else 'root'}"
        if session := [example for example in examples if example.file is None]:
            found[package] = source(session)
        for example in examples:
            if example.file:
                found[f"{package}_{example.file}"] = source([example])
    return found


def main() -> int:
    """Run both type checkers, and return 0 if they accept every example."""
    with TemporaryDirectory() as folder:
        for module, code in modules().items():
            Path(folder, f"{module}.py").write_text(code, "utf-8")
        files = sorted(map(str, Path(folder).glob("*.py")))
        print(f"{len(files)} modules of examples")
        checkers = (
            ["mypy", *files],  # by the project's options, so that its cache is valid
            ["pyright", "--pythonpath", sys.executable, *files],
        )
        environment = {**os.environ, "MYPYPATH": str(ROOT / "src")}
        return max(
            subprocess.run(
                [sys.executable, "-m", *checker], check=False, cwd=ROOT, env=environment
            ).returncode
            for checker in checkers
        )


if __name__ == "__main__":
    sys.exit(main())

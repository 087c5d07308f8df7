"""The README files, and the examples in them."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
READMES = sorted(
    [ROOT / "README.md", *ROOT.glob("[!.]*/README.md"), *ROOT.glob("src/category_filter/*/README.md")]
)


def name(readme: Path) -> str:
    """Return a README's folder, relative to the root."""
    return str(readme.parent.relative_to(ROOT))


class Block(NamedTuple):
    """A fenced code block."""

    line: int
    """The line of its first line of code, from 0."""
    code: str

    @property
    def file(self) -> str | None:
        """The file that the code belongs in, by its first line (`# models.py`), or None."""
        found = re.match(r"# (\w+)\.py\n", self.code)
        return found and found[1]


def blocks(readme: Path, language: str) -> Iterator[Block]:
    """Find the code blocks of a language."""
    text = readme.read_text("utf-8")
    for found in re.finditer(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        yield Block(text.count("\n", 0, found.start(1)), found[1])


class Command(NamedTuple):
    """A shell command, and what it prints."""

    command: str
    output: str


def commands(readme: Path) -> Iterator[Command]:
    """Find the commands of the console blocks, in order."""
    for block in blocks(readme, "console"):
        assert block.code.startswith("$ ")
        for part in re.split(r"^\$ ", block.code, flags=re.MULTILINE)[1:]:
            lines = part.splitlines(keepends=True)
            end = next(i for i, line in enumerate(lines) if not line.endswith("\\\n")) + 1
            yield Command("".join(lines[:end]), "".join(lines[end:]))

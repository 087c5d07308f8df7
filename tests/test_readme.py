"""The README keeps its promises: what it shows is what happens."""

import doctest
import re
import subprocess
import sys
from pathlib import Path

import pytest

from category_filter import Categories, CategoryFilterError
from category_filter.errors import MistakeCode

README = Path(__file__).parents[1] / "README.md"
TEXT = README.read_text("utf-8")
CONSOLES = re.findall(r"^```console\n\$ (.*)\n((?:.*\n)*?)```", TEXT, re.MULTILINE)


def test_python():
    results = doctest.testfile(str(README), module_relative=False)
    assert results.attempted > 20
    assert results.failed == 0


def test_there_are_commands():
    assert len(CONSOLES) == TEXT.count("```console") == 2


@pytest.mark.parametrize(("command", "shown"), CONSOLES, ids=[c[0][:40] for c in CONSOLES])
def test_commands(command, shown):
    result = subprocess.run(
        ["bash", "-c", command],  # noqa: S607 - whichever bash a reader has
        env={"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "PYTHONUTF8": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    printed = result.stdout + result.stderr
    assert [line.rstrip() for line in printed.strip().splitlines()] == shown.strip().splitlines()


def test_every_code_and_message_of_the_table():
    rows = re.findall(r"^\| `([a-z_]+)` \| (.*?) \| (.*) \|$", TEXT, re.MULTILINE)
    examples = {"invisible_character": "\u00a0", "empty": "", "too_long": "a" * 65_537}
    for code, example, message in rows:
        text = examples.get(code, example.strip("`"))
        with pytest.raises(CategoryFilterError) as caught:
            Categories(["news"]).parse(text)
        assert (caught.value.code, caught.value.message) == (code, message)
    assert {code for code, _, _ in rows} == {*MistakeCode.__args__, "unknown_category"}

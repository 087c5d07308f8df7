"""Run `category-filter precompute` in this process or in a separate one."""

import subprocess
import sys
from contextlib import chdir
from pathlib import Path

from typer.testing import CliRunner

from category_filter.cli import app

COMMAND = [str(Path(sys.executable).with_name("category-filter")), "precompute"]


def run(*arguments):
    result = CliRunner().invoke(app, ["precompute", *map(str, arguments)])
    return result.exit_code, result.stdout, result.stderr


def run_process(*arguments):
    """Run a command as users do, where `main` explains what the system refuses."""
    result = subprocess.run(
        [*COMMAND, *map(str, arguments)], capture_output=True, text=True, check=False
    )
    return result.returncode, result.stdout, result.stderr


def file_names(folder):
    return sorted(path.name for path in folder.iterdir())


def failure(folder, *arguments, run=run):
    """Run a command that fails, check that it changes no file, and return its only line."""
    (folder / "out.parquet").write_bytes(b"unchanged")
    with chdir(folder):
        code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert (folder / "out.parquet").read_bytes() == b"unchanged"
    assert not [name for name in file_names(folder) if name.endswith(".part")]
    (line,) = err.splitlines()
    return line

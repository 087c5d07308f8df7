"""How the commands print errors, counts and JSON."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from category_filter import _extras
from category_filter._filter import CategoryFilter
from category_filter.errors import CategoryFilterError, FilterSyntaxError, UnknownCategoryError

if TYPE_CHECKING:
    from collections.abc import Generator
    from typing import NoReturn, TextIO

__all__ = ["engine_silenced", "fail", "json_data", "requires"]

_STDERR = 2


def fail(reason: str) -> NoReturn:
    """Print the reason and exit with status 2."""
    typer.echo(f"category-filter: {reason}", err=True)
    raise typer.Exit(2) from None


@contextmanager
def requires(extra: str) -> Generator[None]:
    """Fail if an import fails, and name the extra that installs the module."""
    try:
        with _extras.requires(extra):
            yield
    except ModuleNotFoundError as error:
        fail(error.msg)


@contextmanager
def engine_silenced() -> Generator[TextIO]:
    """Discard what an engine prints, such as a backtrace, and return the real standard error."""
    sys.stderr.flush()
    with os.fdopen(os.dup(_STDERR), "w") as terminal, Path(os.devnull).open("w") as null:
        os.dup2(null.fileno(), _STDERR)
        try:
            yield terminal
        finally:
            os.dup2(terminal.fileno(), _STDERR)


def json_data(result: CategoryFilter | CategoryFilterError) -> dict[str, object]:
    """Return a filter or an error as data for JSON."""
    if isinstance(result, CategoryFilter):
        return {"canonical": str(result)}
    data: dict[str, object] = {
        "code": result.code,
        "message": result.message,
        "position": result.position,
    }
    if isinstance(result, FilterSyntaxError):
        data["suggestion"] = result.suggestion
    if isinstance(result, UnknownCategoryError):
        data["unknown"] = [name._asdict() for name in result.unknown]
    return {"error": data}

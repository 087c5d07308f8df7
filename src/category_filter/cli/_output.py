"""How the commands print errors, counts and JSON."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

from category_filter._filter import CategoryFilter
from category_filter.errors import CategoryFilterError, FilterSyntaxError, UnknownCategoryError

if TYPE_CHECKING:
    from collections.abc import Generator
    from typing import NoReturn

__all__ = ["counted", "fail", "json_data", "requires"]


def fail(reason: str) -> NoReturn:
    """Print the reason and exit with status 2."""
    typer.echo(f"category-filter: {reason}", err=True)
    raise typer.Exit(2) from None


@contextmanager
def requires(extra: str) -> Generator[None]:
    """Fail if an import fails, and name the extra that installs the module."""
    try:
        yield
    except ModuleNotFoundError as error:
        fail(f"{error.name} is missing: pip install 'category-filter[{extra}]'")


def counted(count: int, noun: str) -> str:
    """Return a count with its noun.

    >>> counted(1, "line"), counted(2_000, "line")
    ('1 line', '2,000 lines')
    """
    return f"{count:,} {noun}{'s' * (count != 1)}"


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

"""Options that several commands share."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from category_filter._messages import quote
from category_filter.categories import Categories
from category_filter.errors import CategoryFilterError

__all__ = ["CATEGORIES", "Format", "FormatOption", "complete_filter", "read_categories"]


class Format(StrEnum):
    """An output format."""

    TEXT = "text"
    JSON = "json"


FormatOption = Annotated[Format, typer.Option("--format", help="The output format.")]

_FILES = {".csv", ".json", ".toml", ".txt", ".yaml", ".yml"}
"""Extensions of files. A value that ends with one is a path, even if the file is missing."""

CATEGORIES = typer.Option(
    "--categories",
    metavar="SET",
    help="The known categories: navixy, comma-separated names, or a file"
    " (.toml or .json with labels; any other with one name per line).",
)


def read_categories(option: str) -> Categories:
    """Return the known set for a value of `--categories`."""
    if option == "navixy":
        from category_filter.navixy import CATEGORIES as NAVIXY

        return NAVIXY
    file = Path(option)
    extension = file.suffix.lower()
    try:
        # `Path.is_file` raises if a list of names is too long for a file name.
        if not (os.path.isfile(file) or extension in _FILES):  # noqa: PTH113
            return Categories(name.strip() for name in option.split(","))
        known = _read_file(file, extension)
    except (OSError, TypeError, ValueError, RecursionError) as error:
        match error:
            case OSError():
                reason = error.strerror
            case CategoryFilterError():
                reason = f"{quote(error.text)}: {error.message}"
            case UnicodeDecodeError():
                reason = "save the file as UTF-8"
            case _:
                reason = str(error)
        raise typer.BadParameter(f"{option}: {reason}", param_hint="--categories") from None
    if not known:
        raise typer.BadParameter(f"{option}: no names", param_hint="--categories")
    return known


def _read_file(file: Path, extension: str) -> Categories:
    text = file.read_text("utf-8-sig")
    if extension == ".toml":
        import tomllib

        return Categories(tomllib.loads(text))
    if extension == ".json":
        return Categories(json.loads(text))
    return Categories(line.strip() for line in text.splitlines() if line.strip())


def complete_filter(ctx: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """Complete the last name of a filter in a shell."""
    from category_filter.integrations.click import CategoryFilterParamType

    with suppress(typer.BadParameter):
        known = read_categories(ctx.params.get("categories") or "navixy")
        return CategoryFilterParamType(known).complete(incomplete)
    return []

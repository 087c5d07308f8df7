"""`category-filter explain`: show what one filter means."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from category_filter.cli._options import (
    CATEGORIES,
    Format,
    FormatOption,
    complete_filter,
    read_categories,
)
from category_filter.cli._output import json_data
from category_filter.errors import CategoryFilterError, UnknownCategoryError

if TYPE_CHECKING:
    from category_filter._filter import CategoryFilter
    from category_filter.categories import Categories

__all__ = ["explain"]


def explain(
    text: Annotated[
        str,
        typer.Argument(
            metavar="TEXT",
            help="The filter, in quotes. Put -- before a filter that starts with a minus.",
            autocompletion=complete_filter,
        ),
    ],
    categories: Annotated[str, CATEGORIES] = "navixy",
    output: FormatOption = Format.TEXT,
) -> None:
    """Show which categories a filter allows.

    Example: category-filter explain -- '-history_task,history_rule'

    Positions of errors count from 0, as in Python.

    Exit status: 0 if the filter is valid, 1 if it is not, 2 for wrong usage.
    """
    known = read_categories(categories)
    try:
        wanted = known.parse(text)
    except CategoryFilterError as error:
        if output is Format.JSON:
            typer.echo(json.dumps(json_data(error)))
        else:
            typer.echo(str(error), err=True)
            if isinstance(error, UnknownCategoryError):
                typer.echo(f"known: {', '.join(known)} (change with --categories)", err=True)
        raise typer.Exit(1) from None
    if output is Format.JSON:
        typer.echo(json.dumps(_explanation(wanted, known)))
    else:
        _print_explanation(wanted, known)


def _explanation(wanted: CategoryFilter, known: Categories) -> dict[str, object]:
    return {
        **json_data(wanted),
        "names": sorted(wanted.names),
        "allows_unlisted": wanted.allows_unlisted,
        "categories": [
            {"name": name, "label": label, "allowed": wanted.allows(name)}
            for name, label in known.labels.items()
        ],
    }


def _print_explanation(wanted: CategoryFilter, known: Categories) -> None:
    match wanted.allows_unlisted, bool(wanted.names):
        case True, True:
            meaning = "every category except these"
        case True, False:
            meaning = "every category"
        case False, True:
            meaning = "only these categories"
        case _:
            meaning = "no category"
    table = Table("category", "allowed", "label", box=box.SIMPLE, pad_edge=False)
    for name, label in known.labels.items():
        table.add_row(name, _yes_or_no(wanted.allows(name)), Text(label))
    table.add_row("any other", _yes_or_no(wanted.allows_unlisted), style="dim")
    console = Console(highlight=False, markup=False, emoji=False, soft_wrap=True)
    console.print(f"{wanted}: {meaning}")
    console.print(table)


def _yes_or_no(allowed: bool) -> Text:  # noqa: FBT001 - the only parameter
    return Text("yes", "green") if allowed else Text("no", "red")

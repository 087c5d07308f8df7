"""`category-filter sql`: print the condition `allows` for a database or a warehouse."""

from __future__ import annotations

from typing import Annotated

import typer

from category_filter.errors import FilterSyntaxError
from category_filter.sql import DIALECTS, allows

__all__ = ["sql"]


def sql(
    dialect: Annotated[
        str,
        typer.Option(
            "--dialect",
            metavar="DIALECT",
            help=f"The SQL dialect: {', '.join(DIALECTS)}.",
            autocompletion=lambda: DIALECTS,
        ),
    ],
    category: Annotated[
        str | None, typer.Argument(metavar="CATEGORY", help="The category to test.")
    ] = None,
    category_column: Annotated[
        str | None,
        typer.Option(
            "--category-column",
            metavar="COLUMN",
            help="The column of the category instead, or any SQL expression.",
        ),
    ] = None,
    filter_column: Annotated[
        str,
        typer.Option(
            "--filter-column",
            metavar="COLUMN",
            help="The column of the filters in canonical form, or any SQL expression.",
        ),
    ] = "category_filter",
) -> None:
    """Print the SQL condition that a stored filter allows a category.

    The condition goes after WHERE or ON. In dialects with boolean values, it can also be a column.
    """
    try:
        if category is not None and category_column is None:
            condition = allows(category, filter_column=filter_column, dialect=dialect)
        elif category_column is not None and category is None:
            condition = allows(
                category_column=category_column, filter_column=filter_column, dialect=dialect
            )
        else:
            raise typer.BadParameter("pass either CATEGORY or --category-column")
    except FilterSyntaxError as error:
        raise typer.BadParameter(error.summary(), param_hint="CATEGORY") from None
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    typer.echo(condition)

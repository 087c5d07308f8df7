"""The question `allows` in the database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.models import Lookup, TextField, Value
from django.db.models.functions import Concat

from category_filter import CategoryFilter, FilterSyntaxError
from category_filter._filter import coerce_str

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper
    from django.db.models.sql.compiler import SQLCompiler

__all__ = ["Allows"]


class Allows(Lookup):
    """Whether a row's filter allows a category: exactly what Python's `allows` says.

        Subscription.objects.filter(wanted__allows="news")

    A row without a filter, null, allows nothing here. The database reads the text of every row,
    for which an index on the column can stand in, being smaller than the table, but no more. If
    there are far fewer different filters than rows, let Python choose among them, and the index
    find the rows: `wanted__in` those of the distinct filters that allow the category.

    Raises:
        TypeError: The category is no str.
    """

    lookup_name = "allows"

    def get_prep_lookup(self) -> str:
        """The category as a str."""
        return coerce_str(self.rhs, "category")

    def as_sql(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper
    ) -> tuple[str, tuple[Any, ...]]:
        """The condition and its parameters."""
        text, text_params = self.process_lhs(compiler, connection)
        minus = f"SUBSTR({text}, 1, 1) = '-'"
        try:
            CategoryFilter.only(self.rhs)
        except FilterSyntaxError:  # no filter lists what is no name
            sql = f"({text} = '*' OR ({minus} AND {text} <> '-*'))"
            return sql, (*text_params, *text_params, *text_params)
        commas, commas_params = compiler.compile(
            Concat(Value(","), self.lhs, Value(","), output_field=TextField()).resolve_expression(
                compiler.query
            )
        )
        # LIKE would read `_` as any character, and ignore case on SQLite.
        lists = f"REPLACE({commas}, %s, '') <> {commas}"
        name, first_name = (
            (*commas_params, f",{name},", *commas_params) for name in (self.rhs, f"-{self.rhs}")
        )
        sql = (
            f"({text} = '*' OR (NOT {minus} AND {lists})"
            f" OR ({minus} AND {text} <> '-*' AND NOT ({lists}) AND NOT ({lists})))"
        )
        return sql, (
            *(*text_params, *text_params, *name),
            *(*text_params, *text_params, *name, *first_name),
        )

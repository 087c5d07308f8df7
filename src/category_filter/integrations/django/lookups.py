"""The `allows` lookup."""

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
    """The condition that a row's filter allows a category, as in Python.

        Subscription.objects.filter(wanted__allows="news")

    Rows where the column is null do not match. `allows` cannot use an index to find rows; expect a
    full scan, at best of the smaller index. If the table has far fewer distinct filters than rows,
    select the distinct filters first, choose those that allow the category in Python, and find
    their rows with `wanted__in`, which uses the index.

    Raises:
        TypeError: If the category is not a str.
    """

    lookup_name = "allows"

    def get_prep_lookup(self) -> str:
        return coerce_str(self.rhs, "category")

    def as_sql(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper
    ) -> tuple[str, tuple[Any, ...]]:
        text, text_params = self.process_lhs(compiler, connection)
        is_exclude = f"SUBSTR({text}, 1, 1) = '-'"
        try:
            CategoryFilter.only(self.rhs)
        except FilterSyntaxError:  # no filter can list an invalid name
            sql = f"({text} = '*' OR ({is_exclude} AND {text} <> '-*'))"
            return sql, (*text_params, *text_params, *text_params)
        between_commas, between_commas_params = compiler.compile(
            Concat(Value(","), self.lhs, Value(","), output_field=TextField()).resolve_expression(
                compiler.query
            )
        )
        # In LIKE, `_` is a wildcard, and SQLite ignores case.
        lists = f"REPLACE({between_commas}, %s, '') <> {between_commas}"
        lists_params, lists_first_params = (
            (*between_commas_params, f",{name},", *between_commas_params)
            for name in (self.rhs, f"-{self.rhs}")
        )
        sql = (
            f"({text} = '*' OR (NOT {is_exclude} AND {lists})"
            f" OR ({is_exclude} AND {text} <> '-*' AND NOT ({lists}) AND NOT ({lists})))"
        )
        return sql, (
            *(*text_params, *text_params, *lists_params),
            *(*text_params, *text_params, *lists_params, *lists_first_params),
        )

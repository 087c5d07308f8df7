"""The `allows` lookup."""

from __future__ import annotations

from string import Formatter
from typing import TYPE_CHECKING, Any

from django.db import NotSupportedError
from django.db.models import Lookup

from category_filter import sql
from category_filter._filter import coerce_str

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper
    from django.db.models.sql.compiler import SQLCompiler

__all__ = ["Allows"]


class Allows(Lookup):
    """The condition that a row's filter allows a category, as in Python.

        Subscription.objects.filter(wanted__allows="news")
        Subscription.objects.filter(wanted__allows=OuterRef("category"))

    The category is a string or any expression, such as `F` and `OuterRef`. Rows where the filter or
    the category is null do not match. SQLite, PostgreSQL, MariaDB and MySQL are supported.

    `allows` cannot use an index to find rows; expect a full scan, at best of the smaller index. If
    the table has far fewer distinct filters than rows, select the distinct filters first, choose
    those that allow the category in Python, and find their rows with `wanted__in`, which uses the
    index.

    Raises:
        NotSupportedError: If the database is not supported.
        TypeError: If the category is neither a str nor an expression.
    """

    lookup_name = "allows"

    def get_prep_lookup(self) -> Any:
        if hasattr(self.rhs, "resolve_expression"):
            return self.rhs
        return coerce_str(self.rhs, "category")

    def as_sql(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper
    ) -> tuple[str, tuple[Any, ...]]:
        dialect = connection.vendor
        if dialect not in {"sqlite", "postgresql", "mysql"}:
            raise NotSupportedError(
                f"allows supports SQLite, PostgreSQL, MariaDB and MySQL, not {dialect}"
            )
        operands = {"filter": self.process_lhs(compiler, connection)}
        if self.rhs_is_direct_value():
            operands["delimited"] = ("%s", (sql.delimited(self.rhs),))
            condition = sql.condition("{filter}", "{delimited}", dialect)
        else:
            operands["category"] = self.process_rhs(compiler, connection)
            delimited = sql.delimited_expression("{category}", dialect)
            condition = sql.condition("{filter}", delimited, dialect)
        fields = [field for _, field, _, _ in Formatter().parse(condition) if field]
        return (
            condition.format_map({name: text for name, (text, _) in operands.items()}),
            tuple(parameter for field in fields for parameter in operands[field][1]),
        )

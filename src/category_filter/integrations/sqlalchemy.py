"""A column of filters for SQLAlchemy, and the question `allows` in SQL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, String, and_, func, literal, not_, or_, type_coerce
from sqlalchemy.types import TypeDecorator

from category_filter import CategoryFilter, FilterSyntaxError
from category_filter._filter import plain

if TYPE_CHECKING:
    from enum import Enum

    from sqlalchemy import Dialect

__all__ = ["CategoryFilterType"]


class CategoryFilterType(TypeDecorator[CategoryFilter]):
    """A column that holds filters: canonical text in the database, `CategoryFilter` in Python.

    >>> from sqlalchemy import Column, MetaData, Table, select
    >>> subscriptions = Table(
    ...     "subscriptions", MetaData(), Column("wanted", CategoryFilterType)
    ... )
    >>> wants_news = select(subscriptions).where(subscriptions.c.wanted.allows("news"))

    A filter or its text may be assigned; NULL is None, and not a filter. Names are checked against
    no known set, so that a row that names a retired category still loads.
    """

    impl = String
    cache_ok = True

    def process_bind_param(
        self,
        value: CategoryFilter | str | None,
        dialect: Dialect,  # noqa: ARG002 - SQLAlchemy passes it
    ) -> str | None:
        """The canonical text of what goes into the database."""
        return None if value is None else str(CategoryFilter(value))

    def process_result_value(self, value: str | None, dialect: Dialect) -> CategoryFilter | None:  # noqa: ARG002 - likewise
        """The filter of what comes out of it."""
        return None if value is None else CategoryFilter(value)

    class Comparator(TypeDecorator.Comparator[CategoryFilter]):
        """What such a column understands beyond the usual."""

        def allows(self, category: str | Enum) -> ColumnElement[bool]:
            """Whether the row's filter allows a category: exactly what Python's `allows` says.

            No index helps: the database reads each text. It is NULL where the column is.

            Raises:
                TypeError: The category is no str.
            """
            category = plain(category, "a category")
            text = type_coerce(self.expr, String)
            minus = func.substr(text, 1, 1) == "-"
            try:
                CategoryFilter.only(category)
            except FilterSyntaxError:  # no filter lists what is no name
                return or_(text == "*", and_(minus, text != "-*"))
            between_commas = literal(",").concat(text).concat(",")

            def lists(name: str) -> ColumnElement[bool]:
                # LIKE would read `_` as any character, and ignore case on SQLite.
                return func.replace(between_commas, f",{name},", "") != between_commas

            return or_(
                text == "*",
                and_(not_(minus), lists(category)),
                and_(minus, text != "-*", not_(lists(category)), not_(lists(f"-{category}"))),
            )

    comparator_factory: Any = Comparator

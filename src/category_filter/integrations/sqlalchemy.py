"""A column of filters for SQLAlchemy, and the question `allows` in SQL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Text, and_, event, func, literal, not_, or_, type_coerce
from sqlalchemy.orm import Mapper
from sqlalchemy.schema import ColumnDefault
from sqlalchemy.types import TypeDecorator

from category_filter import Categories, CategoryFilter, FilterSyntaxError
from category_filter._filter import plain
from category_filter.integrations._input import parse

if TYPE_CHECKING:
    from collections.abc import Callable
    from enum import Enum

    from sqlalchemy import Dialect

__all__ = ["CategoryFilterType"]


class CategoryFilterType(TypeDecorator[CategoryFilter]):
    """A column that holds filters: canonical text in the database, `CategoryFilter` in Python.

    >>> from sqlalchemy import Integer
    >>> from sqlalchemy.orm import declarative_base, mapped_column
    >>> class Subscription(declarative_base()):
    ...     __tablename__ = "subscription"
    ...     id = mapped_column(Integer, primary_key=True)
    ...     wanted = mapped_column(CategoryFilterType)
    >>> Subscription(wanted="- ads").wanted
    CategoryFilter('-ads')
    >>> wants_news = Subscription.wanted.allows("news")

    A filter or its text may be assigned, and is a filter from then on; NULL is None, and not a
    filter. A text that is none is refused where it is assigned.

    Args:
        categories: The known set, if texts that are assigned are to be checked. What a row lists
            already may stay, though retired since. Filters are values, and not checked again.
    """

    impl = Text
    cache_ok = True

    def __init__(self, categories: Categories | None = None) -> None:
        super().__init__()
        self.categories = categories

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

    def assigned(self, value: CategoryFilter | str | None, old: object) -> CategoryFilter | None:
        """The filter that an attribute becomes when a value is assigned to it.

        Raises:
            FilterSyntaxError: The text is no filter.
            UnknownCategoryError: It lists names that neither the known set has nor the old value.
        """
        if not isinstance(value, str):
            return value
        return parse(value, self.categories, replacing=old)

    class Comparator(TypeDecorator.Comparator[CategoryFilter]):
        """What such a column understands beyond the usual."""

        def allows(self, category: str | Enum) -> ColumnElement[bool]:
            """Whether the row's filter allows a category: exactly what Python's `allows` says.

            It is NULL where the column is. The database reads the text of every row, for which an
            index on the column can stand in, being smaller than the table, but no more. If there
            are far fewer different filters than rows, let Python choose among them, and the index
            find the rows: select the distinct filters first, and then the rows whose filter is
            `in_` the list of those that allow the category.

            Raises:
                TypeError: The category is no str.
            """
            category = plain(category, "a category")
            text = type_coerce(self.expr, Text)
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


@event.listens_for(Mapper, "mapper_configured")
def _listen_to_assignments(mapper: Mapper[Any], cls: type) -> None:
    """Make filters of what is assigned to the attributes that this type stores, by default too."""
    for attribute in mapper.column_attrs:
        column = attribute.columns[0]
        kind = column.type
        if isinstance(kind, CategoryFilterType):
            default = column.default
            if isinstance(default, ColumnDefault) and default.is_scalar:
                default.arg = kind.assigned(default.arg, None)
            event.listen(
                getattr(cls, attribute.key),
                "set",
                _assignment(kind),
                retval=True,
                propagate=True,
                active_history=kind.categories is not None,
            )


def _assignment(kind: CategoryFilterType) -> Callable[..., CategoryFilter | None]:
    def assign(
        target: object,  # noqa: ARG001 - SQLAlchemy passes it
        value: CategoryFilter | str | None,
        old: object,
        initiator: object,  # noqa: ARG001 - likewise
    ) -> CategoryFilter | None:
        return kind.assigned(value, old)

    return assign

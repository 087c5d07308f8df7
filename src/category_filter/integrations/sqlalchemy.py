"""A column of filters for SQLAlchemy, and the question `allows` in SQL."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Text,
    and_,
    event,
    func,
    literal,
    not_,
    or_,
    type_coerce,
)
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.orm import Mapper
from sqlalchemy.schema import ColumnDefault
from sqlalchemy.sql import operators
from sqlalchemy.types import TypeDecorator

from category_filter import Categories, CategoryFilter, FilterSyntaxError, UnknownCategoryError
from category_filter._filter import coerce_str
from category_filter.integrations._validation import parse

if TYPE_CHECKING:
    from collections.abc import Callable
    from enum import Enum

    from sqlalchemy import Dialect
    from sqlalchemy.types import TypeEngine

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
    filter. A text that is none is refused where it is assigned. Give filters, not texts, as a
    default, and to an `update` of rows that a session holds.

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

    def coerce_compared_value(self, op: object, value: object) -> TypeEngine[Any]:
        """A filter is compared with filters, and its text with parts of texts, as by `like`."""
        return self if op in _OF_FILTERS or not isinstance(value, str) else Text()

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
            category = coerce_str(category, "category")
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


_OF_FILTERS = {operators.eq, operators.ne, operators.in_op, operators.not_in_op}


@event.listens_for(Mapper, "mapper_configured")
def _keep_filters(mapper: Mapper[Any], cls: type) -> None:
    """See to it that the attributes that this type stores are filters, and never texts."""
    for attribute in mapper.column_attrs:
        column = attribute.columns[0]
        if isinstance(column, Column) and isinstance(column.type, CategoryFilterType):
            for default in (column.default, column.onupdate):
                if isinstance(default, ColumnDefault):
                    _keep_default(default, f"{cls.__name__}.{attribute.key}")
            assign = _assignment(attribute.key, column.type.categories)
            event.listen(getattr(cls, attribute.key), "set", assign, retval=True)


def _keep_default(default: ColumnDefault, where: str) -> None:
    if isinstance(default.arg, str):
        raise ArgumentError(
            f"the default of {where} is a text: write CategoryFilter({default.arg!r})"
        )
    if default.is_callable:
        make = default.arg

        def make_filter(context: object) -> CategoryFilter:
            return CategoryFilter(make(context))

        default.arg = make_filter


def _assignment(key: str, categories: Categories | None) -> Callable[..., CategoryFilter | None]:
    def assign(
        target: object,
        value: CategoryFilter | str | None,
        old: object,  # noqa: ARG001 - SQLAlchemy passes it
        initiator: object,  # noqa: ARG001 - likewise
    ) -> CategoryFilter | None:
        if not isinstance(value, str):
            return value
        try:
            return parse(value, categories)
        except UnknownCategoryError:
            # What a row lists may stay, and is looked at if it can be: it may have to be loaded.
            with suppress(SQLAlchemyError):
                return parse(value, categories, stored=getattr(target, key))
            raise

    return assign

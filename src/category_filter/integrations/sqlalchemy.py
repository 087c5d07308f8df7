"""A column type for SQLAlchemy, with the condition `allows`."""

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
    """A column type for filters: the canonical form in the database, `CategoryFilter` in Python.

    >>> from sqlalchemy import Integer
    >>> from sqlalchemy.orm import declarative_base, mapped_column
    >>> class Subscription(declarative_base()):
    ...     __tablename__ = "subscription"
    ...     id = mapped_column(Integer, primary_key=True)
    ...     wanted = mapped_column(CategoryFilterType)
    >>> Subscription(wanted="- ads").wanted
    CategoryFilter('-ads')
    >>> wants_news = Subscription.wanted.allows("news")

    Assign a filter or a string: a string is parsed at once, so an invalid one raises where you
    assign it. NULL is None. Use `CategoryFilter` objects, not strings, for defaults and for an
    `update()` of rows that a session holds.

    Args:
        categories: The known set, to validate assigned strings. Names already stored in the row
            stay valid, even if retired since. `CategoryFilter` objects are not validated.
    """

    impl = Text
    cache_ok = True

    def __init__(self, categories: Categories | None = None) -> None:
        super().__init__()
        self.categories = categories

    def process_bind_param(
        self, value: CategoryFilter | str | None, dialect: Dialect
    ) -> str | None:
        return None if value is None else str(CategoryFilter(value))

    def process_result_value(self, value: str | None, dialect: Dialect) -> CategoryFilter | None:
        return None if value is None else CategoryFilter(value)

    def coerce_compared_value(self, op: object, value: object) -> TypeEngine[Any]:
        """Parse strings that are compared for equality, but not patterns for `like`."""
        return self if op in _FILTER_OPERATORS or not isinstance(value, str) else Text()

    class Comparator(TypeDecorator.Comparator[CategoryFilter]):
        """The operators of a filter column."""

        def allows(self, category: str | Enum) -> ColumnElement[bool]:
            """Return the condition that the row's filter allows a category, as in Python.

            The condition is NULL where the column is NULL. `allows` cannot use an index to find
            rows; expect a full scan, at best of the smaller index. If the table has far fewer
            distinct filters than rows, select the distinct filters first, choose those that allow
            the category in Python, and find their rows with `in_`, which uses the index.

            Raises:
                TypeError: If the category is not a str.
            """
            category = coerce_str(category, "category")
            text = type_coerce(self.expr, Text)
            is_exclude = func.substr(text, 1, 1) == "-"
            try:
                CategoryFilter.only(category)
            except FilterSyntaxError:  # no filter can list an invalid name
                return or_(text == "*", and_(is_exclude, text != "-*"))
            between_commas = literal(",").concat(text).concat(",")

            def lists(name: str) -> ColumnElement[bool]:
                # In LIKE, `_` is a wildcard, and SQLite ignores case.
                return func.replace(between_commas, f",{name},", "") != between_commas

            return or_(
                text == "*",
                and_(not_(is_exclude), lists(category)),
                and_(is_exclude, text != "-*", not_(lists(category)), not_(lists(f"-{category}"))),
            )

    comparator_factory: Any = Comparator


_FILTER_OPERATORS = {operators.eq, operators.ne, operators.in_op, operators.not_in_op}


@event.listens_for(Mapper, "mapper_configured")
def _instrument_mapper(mapper: Mapper[Any], cls: type) -> None:
    """Parse strings that are assigned to mapped attributes of this type, and their defaults."""
    for attribute in mapper.column_attrs:
        column = attribute.columns[0]
        if isinstance(column, Column) and isinstance(column.type, CategoryFilterType):
            for default in (column.default, column.onupdate):
                if isinstance(default, ColumnDefault):
                    _instrument_default(default, f"{cls.__name__}.{attribute.key}")
            listener = _set_listener(attribute.key, column.type.categories)
            event.listen(getattr(cls, attribute.key), "set", listener, retval=True)


def _instrument_default(default: ColumnDefault, attribute: str) -> None:
    if isinstance(default.arg, str):
        raise ArgumentError(
            f"the default of {attribute} is a str: use CategoryFilter({default.arg!r})"
        )
    if default.is_callable:
        get_default = default.arg

        def parse_default(context: object) -> CategoryFilter:
            return CategoryFilter(get_default(context))

        default.arg = parse_default


def _set_listener(key: str, categories: Categories | None) -> Callable[..., CategoryFilter | None]:
    def parse_assigned(
        target: object, value: CategoryFilter | str | None, old: object, initiator: object
    ) -> CategoryFilter | None:
        if not isinstance(value, str):
            return value
        try:
            return parse(value, categories)
        except UnknownCategoryError:
            # Reading the stored value may load it from the database, which a detached instance
            # and an async session cannot do.
            with suppress(SQLAlchemyError):
                return parse(value, categories, stored=getattr(target, key))
            raise

    return parse_assigned

"""A column type for SQLAlchemy, with the condition `allows`."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from category_filter import (
    Categories,
    CategoryFilter,
    CategoryFilterError,
    UnknownCategoryError,
    sql,
)
from category_filter._extras import requires
from category_filter._filter import coerce_str
from category_filter.integrations._validation import parse

with requires("sqlalchemy"):
    from sqlalchemy import Column, SQLColumnExpression, String, Table, Text, event, literal
    from sqlalchemy.dialects import mysql
    from sqlalchemy.exc import ArgumentError, CompileError, SQLAlchemyError
    from sqlalchemy.ext.compiler import compiles
    from sqlalchemy.orm import Mapper
    from sqlalchemy.schema import ColumnDefault, DefaultClause
    from sqlalchemy.sql import ClauseElement, operators
    from sqlalchemy.sql.functions import FunctionElement
    from sqlalchemy.types import Boolean, TypeDecorator, to_instance

if TYPE_CHECKING:
    from collections.abc import Callable
    from enum import Enum

    from sqlalchemy import ColumnElement, Dialect
    from sqlalchemy.sql.compiler import SQLCompiler
    from sqlalchemy.types import TypeEngine

__all__ = ["CategoryFilterType"]


class CategoryFilterType(TypeDecorator[CategoryFilter]):
    """A column type for filters: the canonical form in the database, `CategoryFilter` in Python.

    >>> from sqlalchemy import Integer
    >>> from sqlalchemy.orm import declarative_base, mapped_column
    >>> class Subscription(declarative_base()):
    ...     __tablename__ = "subscription"
    ...     id = mapped_column(Integer, primary_key=True)
    ...     wanted = mapped_column(CategoryFilterType, default="*")
    >>> Subscription(wanted="- ads").wanted
    CategoryFilter('-ads')
    >>> wants_news = Subscription.wanted.allows("news")

    Assign a filter or a string: a string is parsed at once, so an invalid one raises where you
    assign it, and an invalid default where you define the table. NULL is None. Use
    `CategoryFilter` objects, not strings, for an `update()` of rows that a session holds.

    SQLite, PostgreSQL, MariaDB and MySQL are supported. On another database, the type and `allows`
    raise a `CompileError`.

    Args:
        categories: The known set, to validate assigned strings. Names already stored in the row
            stay valid, even if retired since. `CategoryFilter` objects are not validated.
        length: The maximum length of the canonical form. Without it, the column has no maximum,
            and MariaDB and MySQL cannot index it.
        collation: The collation of the column. Choose a case-sensitive one: `==`, `in_`, DISTINCT
            and UNIQUE use it. MariaDB and MySQL have `ascii_bin` by default.
    """

    impl = Text
    cache_ok = True

    def __init__(
        self,
        categories: Categories | None = None,
        *,
        length: int | None = None,
        collation: str | None = None,
    ) -> None:
        super().__init__(length, collation)
        self.categories = categories
        self.length = length
        self.collation = collation

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return the column type of the database.

        Raises:
            CompileError: If the database is not supported.
        """
        if _sql_dialect(dialect, "CategoryFilterType") in {"mariadb", "mysql"}:
            charset, collation = (
                ("ascii", "ascii_bin") if not self.collation else (None, self.collation)
            )
            if self.length is not None:
                return mysql.VARCHAR(self.length, charset=charset, collation=collation)
            # TEXT is one byte too short for the longest filter.
            return mysql.MEDIUMTEXT(charset=charset, collation=collation)
        if self.length is not None:
            return String(self.length, self.collation)
        return Text(collation=self.collation)

    def with_variant(
        self, type_: TypeEngine[Any] | type[TypeEngine[Any]], *dialect_names: str
    ) -> CategoryFilterType:
        """Return a type that stores filters as another type on some databases."""
        return super().with_variant(_Variant(self.categories, to_instance(type_)), *dialect_names)

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

        def allows(self, category: str | Enum | SQLColumnExpression[Any]) -> ColumnElement[bool]:
            """Return the condition that the row's filter allows a category, as in Python.

            The category is a string, a column or any other SQL expression. The condition is NULL
            where the column or the category is NULL.

            `allows` cannot use an index to find rows; expect a full scan, at best of the smaller
            index. If the table has far fewer distinct filters than rows, select the distinct
            filters first, choose those that allow the category in Python, and find their rows with
            `in_`, which uses the index.

            Raises:
                TypeError: If the category is neither a str nor an SQL expression.
            """
            if isinstance(category, SQLColumnExpression):
                return _Allows(self.expr, _Delimited(category))
            return _Allows(
                self.expr, literal(sql.delimited(coerce_str(category, "category")), Text())
            )

    comparator_factory: Any = Comparator


_FILTER_OPERATORS = {
    *(operators.eq, operators.ne, operators.in_op, operators.not_in_op),
    *(operators.is_distinct_from, operators.is_not_distinct_from),
}

# The type of a filter that has no column to take it from, as in `case` and `literal`.
CategoryFilter.__sa_type_engine__ = CategoryFilterType()  # type: ignore[attr-defined]


class _Variant(CategoryFilterType):
    cache_ok = True

    def __init__(self, categories: Categories | None, stored_as: TypeEngine[Any]) -> None:
        super().__init__(categories)
        self.stored_as = stored_as
        vars(self)["impl"] = stored_as  # declared as the class's type

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return self.stored_as


class _Allows(FunctionElement[bool]):
    """The condition `allows`, of a filter and a category between commas."""

    inherit_cache = True
    type = Boolean()


class _Delimited(FunctionElement[str]):
    """A category between commas, for one that only the database knows."""

    inherit_cache = True
    type = Text()


@compiles(_Allows)
def _compile_allows(element: _Allows, compiler: SQLCompiler, **options: Any) -> str:
    filter_sql, delimited_sql = (compiler.process(part, **options) for part in element.clauses)
    return sql.condition(filter_sql, delimited_sql, _sql_dialect(compiler.dialect, "allows"))


@compiles(_Delimited)
def _compile_delimited(element: _Delimited, compiler: SQLCompiler, **options: Any) -> str:
    category_sql = compiler.process(element.clauses, **options)
    return sql.delimited_expression(category_sql, _sql_dialect(compiler.dialect, "allows"))


class _TextDefault(ClauseElement):
    """The default of a text column, which MySQL accepts only as an expression."""

    inherit_cache = True

    def __init__(self, default: CategoryFilter) -> None:
        self.default = default


@compiles(_TextDefault)
def _compile_text_default(element: _TextDefault, compiler: SQLCompiler, **options: Any) -> str:
    quoted = f"'{element.default}'"  # canonical forms need no escapes
    return f"({quoted})" if compiler.dialect.name == "mysql" else quoted


def _sql_dialect(dialect: Dialect, feature: str) -> str:
    name = {"default": "sqlite"}.get(dialect.name, dialect.name)  # the dialect of `str(statement)`
    if name not in {"mariadb", "mysql", "postgresql", "sqlite"}:
        raise CompileError(
            f"{feature} supports SQLite, PostgreSQL, MariaDB and MySQL, not {dialect.name}"
        )
    return name


@event.listens_for(Column, "after_parent_attach")
def _parse_defaults(column: Column[Any], table: Table) -> None:
    """Parse the strings that are defaults of a column, or that its default functions return."""
    if not isinstance(column.type, CategoryFilterType):
        return
    categories = column.type.categories
    try:
        for default in (column.default, column.onupdate):
            if isinstance(default, ColumnDefault) and isinstance(default.arg, str):
                default.arg = parse(default.arg, categories)
            elif isinstance(default, ColumnDefault) and default.is_callable:
                default.arg = _returning_filter(default.arg)
        for server_default in (column.server_default, column.server_onupdate):
            if isinstance(server_default, DefaultClause) and isinstance(server_default.arg, str):
                f = parse(server_default.arg, categories)
                server_default.arg = str(f) if column.type.length else _TextDefault(f)
    except CategoryFilterError as error:
        raise ArgumentError(
            f"invalid default of {table.name}.{column.name}: {error.summary()}"
        ) from error


def _returning_filter(
    get_default: Callable[[object], CategoryFilter | str | None],
) -> Callable[[object], CategoryFilter | None]:
    def get_filter(context: object) -> CategoryFilter | None:
        default = get_default(context)
        return None if default is None else CategoryFilter(default)

    return get_filter


@event.listens_for(Mapper, "mapper_configured")
def _instrument_mapper(mapper: Mapper[Any], cls: type) -> None:
    """Parse strings that are assigned to mapped attributes of this type."""
    for attribute in mapper.column_attrs:
        column = attribute.columns[0]
        if isinstance(column, Column) and isinstance(column.type, CategoryFilterType):
            instrumented = getattr(cls, attribute.key)
            listener = _set_listener(attribute.key, column.type.categories)
            event.listen(instrumented, "set", listener, retval=True)
            event.listen(instrumented, "init_scalar", _parse_dataclass_default, retval=True)


def _parse_dataclass_default(target: object, value: object, attributes: object) -> object:
    return CategoryFilter(value) if isinstance(value, str) else value


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

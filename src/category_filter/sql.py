"""The condition `allows` in SQL, the one definition for every dialect."""

from __future__ import annotations

import re
from typing import NamedTuple, overload

from category_filter._filter import CategoryFilter
from category_filter.errors import FilterSyntaxError

__all__ = ["DIALECTS", "allows", "condition", "delimited", "delimited_expression"]


class _Dialect(NamedTuple):
    """The parts of the condition in the syntax of a dialect."""

    exact: str = "{}"
    """Text that is compared byte by byte, whatever the collation of the column."""
    between_commas: str = "(',' || {} || ',')"
    first_character: str = "SUBSTR({}, 1, 1)"
    contains: str = "REPLACE({0}, {1}, ',') <> {0}"
    lacks: str = "REPLACE({0}, {1}, ',')\n        = {0}"


_PLAIN = _Dialect()
_MYSQL = _Dialect(
    "CONVERT({} USING utf8mb4) COLLATE utf8mb4_bin",
    "CONCAT(',', {}, ',')",
    # MySQL 5.6 evaluates REPLACE of a constant in place, so that later rows see its result.
    contains="LOCATE({1}, {0}) > 0",
    lacks="LOCATE({1}, {0}) = 0",
)
_SPARK = _Dialect("CAST({} AS STRING)")
_UNCOLLATED = _Dialect("COLLATE({}, '')")

_DIALECTS = {
    "athena": _PLAIN,
    "bigquery": _UNCOLLATED,
    "clickhouse": _PLAIN,
    "databricks": _SPARK,
    "duckdb": _PLAIN,
    "mariadb": _MYSQL,
    "mysql": _MYSQL,
    "oracle": _PLAIN,
    "postgresql": _Dialect('CAST({} AS TEXT) COLLATE "C"'),
    "presto": _PLAIN,
    "redshift": _Dialect("COLLATE({}, 'case_sensitive')"),
    "snowflake": _UNCOLLATED,
    "spark": _SPARK,
    "sqlite": _PLAIN,
    "trino": _PLAIN,
    "tsql": _Dialect(
        "CAST({} AS NVARCHAR(MAX)) COLLATE Latin1_General_BIN2",
        "(',' + {} + ',')",
        "SUBSTRING({}, 1, 1)",
    ),
}

DIALECTS = tuple(_DIALECTS)
"""The names of the dialects."""

_COLUMN = re.compile(r'[\w.$"`\[\]]+')


@overload
def allows(category: str, *, filter_column: str = ..., dialect: str) -> str: ...
@overload
def allows(*, category_column: str, filter_column: str = ..., dialect: str) -> str: ...
def allows(
    category: str | None = None,
    *,
    category_column: str | None = None,
    filter_column: str = "category_filter",
    dialect: str,
) -> str:
    """Return the SQL condition that a stored filter allows a category, as in Python.

    >>> print(allows("news", filter_column="wanted", dialect="sqlite"))
    ((SUBSTR(wanted, 1, 1) IN ('*', '-') AND wanted <> '-*'
        AND REPLACE(REPLACE((',' || wanted || ','), ',-', ','), ',news,', ',')
            = REPLACE((',' || wanted || ','), ',-', ','))
      OR (NOT (SUBSTR(wanted, 1, 1) IN ('*', '-') AND wanted <> '-*')
        AND REPLACE((',' || wanted || ','), ',news,', ',') <> (',' || wanted || ',')))

    The filter column must hold canonical forms. The condition is NULL where a column is NULL. It
    cannot use an index to find rows.

    Args:
        category: The category.
        category_column: The column of the category, or any SQL expression, instead of `category`.
        filter_column: The column of the filter, or any SQL expression.
        dialect: The SQL dialect, one of `DIALECTS`.

    Raises:
        FilterSyntaxError: If the category is not a valid name.
        TypeError: Unless exactly one of `category` and `category_column` is passed.
        ValueError: If the dialect is not supported, or a column is empty.
    """
    if dialect not in _DIALECTS:
        raise ValueError(f"unknown dialect {dialect!r}: use one of {', '.join(DIALECTS)}")
    if category is not None and category_column is None:
        (name,) = CategoryFilter.only(category).names
        searched = f"'{delimited(name)}'"  # a valid name needs no escapes
    elif category_column is not None and category is None:
        searched = delimited_expression(_operand(category_column), dialect)
    else:
        raise TypeError("pass either category or category_column")
    return condition(_operand(filter_column), searched, dialect)


def condition(filter_sql: str, delimited_sql: str, dialect: str) -> str:
    """Return the condition that a filter allows a category.

    It contains no comparison with an empty string, which Oracle takes for NULL, and none of LIKE,
    for which `_` in a name is a wildcard.

    Args:
        filter_sql: SQL for the canonical form.
        delimited_sql: SQL for the category between commas: a parameter or literal with the
            result of `delimited`, or the result of `delimited_expression`.
        dialect: One of `DIALECTS`.
    """
    d = _DIALECTS[dialect]
    text = d.exact.format(filter_sql)
    allows_unlisted = f"{d.first_character.format(text)} IN ('*', '-') AND {text} <> '-*'"
    included = d.between_commas.format(text)
    excluded = f"REPLACE({included}, ',-', ',')"
    return (
        f"(({allows_unlisted}\n"
        f"    AND {d.lacks.format(excluded, delimited_sql)})\n"
        f"  OR (NOT ({allows_unlisted})\n"
        f"    AND {d.contains.format(included, delimited_sql)}))"
    )


def delimited(category: str) -> str:
    """Return a category between commas, as it is searched for in a list.

    >>> delimited("news")
    ',news,'

    No filter lists an invalid name. For one, the result is in no list either:

    >>> delimited("news,sport")
    ',,'
    """
    try:
        CategoryFilter.only(category)
    except FilterSyntaxError:
        return ",,"
    return f",{category},"


def delimited_expression(category_sql: str, dialect: str) -> str:
    """Return SQL for what `delimited` does, for a category known only to the database.

    It replaces what an invalid name could match, a comma and `*`, with a space, which is in no
    canonical form.
    """
    d = _DIALECTS[dialect]
    name = f"REPLACE(REPLACE({d.exact.format(category_sql)}, ',', ' '), '*', ' ')"
    return d.between_commas.format(name)


def _operand(sql: str) -> str:
    if not sql.strip():
        raise ValueError("a column must not be empty")
    return sql if _COLUMN.fullmatch(sql) else f"({sql})"

"""DuckDB: distinct strings are collected, parsed here, and joined. The order of rows stays."""

# pyright: basic
# The engine has no types, or incomplete ones.

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from duckdb import ConstantExpression

from category_filter.batch._meanings import CHANGED, parse, too_many_error

if TYPE_CHECKING:
    from collections.abc import Iterable

    from category_filter._filter import CategoryFilter
    from category_filter.batch._engines import Columns, On, Texts
    from category_filter.batch._meanings import Meanings, Schema

COLLECTS = True
IGNORES_CASE = True

_TEXT, _FOUND, _ROW, _GIVEN, _CATEGORY, _NAME, _NUMBER, _UNLISTED, _LISTED = (
    f"category_filter__{name}"
    for name in (
        *("text", "found", "row", "given", "category"),
        *("name", "number", "unlisted", "listed"),
    )
)

_TYPES = {str: "VARCHAR", int: "BIGINT", bool: "BOOLEAN"}


def _quote(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _column(name: str, table: str = "") -> str:
    return f"{table}.{_quote(name)}" if table else _quote(name)


def _text(frame: Any, name: str, table: str = "") -> str:
    """Return SQL for a column as strings that are equal only if each character is."""
    dtypes = dict(zip(frame.columns, map(str, frame.types), strict=True))
    if dtypes[name] in {"FLOAT", "DOUBLE"}:  # which was found to hold nothing but NaN
        return "CAST(NULL AS VARCHAR)"
    return f"CAST({_column(name, table)} AS VARCHAR) COLLATE C"


def _create(frame: Any, schema: Schema, rows: Iterable[Iterable[object]]) -> Any:
    """Create a relation on the connection of another.

    The rows are a constant of the query: a relation does not show its connection, and finding
    Python variables by name can be turned off.
    """
    fields = [f"field{number}" for number in range(len(schema))]
    kinds = {field: _TYPES[kind] for field, kind in zip(fields, schema.values(), strict=True)}
    text = json.dumps([dict(zip(fields, row, strict=True)) for row in rows])
    one = frame.limit(0).aggregate("count(*) AS one").select(ConstantExpression(text).alias("text"))
    listed = one.project(f"unnest(from_json(text, {_literal(json.dumps([kinds]))})) AS record")
    return listed.project(
        ", ".join(
            f"record.{field} AS {_quote(name)}" for field, name in zip(fields, schema, strict=True)
        )
    )


def add_columns(frame: Any, column: str, meanings: Meanings, texts: Texts) -> Any:
    """Add the columns that `precompute` promises."""
    names = [*meanings.schema]
    rows = zip(texts, *meanings.columns(texts), strict=True)
    lookup = _create(frame, {_TEXT: str, **meanings.schema}, rows)
    # DuckDB keeps no order in a join.
    numbered = frame.project(f"*, row_number() OVER () AS {_ROW}")
    joined = numbered.set_alias("given").join(
        lookup.project(f"*, TRUE AS {_FOUND}").set_alias("lookup"),
        f"{_text(frame, column, 'given')} IS NOT DISTINCT FROM {_TEXT}",
        how="left",
    )
    found = {name: _column(name, "lookup") for name in names}
    found[names[-1]] = f"CASE WHEN {_FOUND} THEN {found[names[-1]]} ELSE {_literal(CHANGED)} END"
    for name, kind in meanings.schema.items():
        if kind is int:
            found[name] = f"coalesce({found[name]}, 0)"
    kept = [f"{_column(name, 'given')} AS {_quote(name)}" for name in frame.columns]
    added = [f"{sql} AS {_quote(name)}" for name, sql in found.items()]
    ordered = joined.project(", ".join([*kept, *added, _ROW]))
    return ordered.order(_ROW).project(f"* EXCLUDE {_ROW}")


def keep(frame: Any, column: str, f: CategoryFilter) -> Any:
    """Keep the rows whose category is allowed."""
    present = f"{_text(frame, column)} IS NOT NULL"
    if not f.names:
        return frame.filter(f"{present} AND {f.allows_unlisted}")
    names = ", ".join(map(_literal, sorted(f.names)))
    negation = "NOT" if f.allows_unlisted else ""
    return frame.filter(f"{present} AND {_text(frame, column)} {negation} IN ({names})")


def counts(frame: Any, column: str, limit: int) -> Texts:
    """Count the rows of each distinct string.

    Raises:
        ValueError: If there are more than `limit` of them.
    """
    texts = frame.project(f"{_text(frame, column)} AS text")
    found = texts.aggregate("text, count(*) AS number", "text").limit(limit + 1).fetchall()
    if len(found) > limit:
        raise too_many_error(column, limit)
    return dict(found)


def has_values(frame: Any, column: str) -> bool:
    """Return whether a column that does not hold strings has anything but nulls and NaN."""
    given = frame.filter(f"CAST({_column(column)} AS VARCHAR) <> 'nan'").limit(1)
    return bool(given.aggregate("count(*)").fetchall()[0][0])


def from_columns(frame: Any, columns: Columns) -> Any:
    """Create a frame of the same type."""
    return _create(frame, columns.schema, zip(*columns.lists.values(), strict=True))


def join(subscriptions: Any, events: Any, on: On, texts: Texts) -> Any:
    """Join events to the subscriptions with the same key whose filter allows the category."""
    filters = [parse(text, on.missing) for text in texts]
    numbered = _create(
        events,
        {_TEXT: str, _NUMBER: int, _UNLISTED: bool},
        (
            (text, n, f.allows_unlisted)
            for n, (text, f) in enumerate(zip(texts, filters, strict=True))
        ),
    )
    listed = _create(
        events,
        {_LISTED: int, _NAME: str},
        ((n, name) for n, f in enumerate(filters) for name in sorted(f.names)),
    )
    same_key = " AND ".join(
        f"{_column(name, 'occurred')} = {_column(name, 'subscribed')}" for name in on.key
    )
    pairs = (
        events.set_alias("occurred")
        .join(subscriptions.set_alias("subscribed"), same_key)
        .project(
            ", ".join(
                [
                    *(f"{_column(name, 'occurred')} AS {_quote(name)}" for name in events.columns),
                    *(
                        f"{_column(name, 'subscribed')} AS {_quote(final)}"
                        for name, final in on.names.items()
                    ),
                    f"{_text(subscriptions, on.filters, 'subscribed')} AS {_GIVEN}",
                    f"{_text(events, on.categories, 'occurred')} AS {_CATEGORY}",
                ]
            )
        )
        .filter(f"{_CATEGORY} IS NOT NULL")
    )
    known = pairs.set_alias("pair").join(
        numbered.set_alias("filter"),
        f"{_GIVEN} IS NOT DISTINCT FROM {_TEXT}",
    )
    allowed = known.set_alias("pair").join(
        listed.set_alias("listed"),
        f"{_NUMBER} = {_LISTED} AND {_CATEGORY} = {_NAME}",
        how="left",
    )
    names = [*events.columns, *on.names.values()]
    return allowed.filter(f"({_NAME} IS NULL) = {_UNLISTED}").project(
        ", ".join(f"{_column(name, 'pair')} AS {_quote(name)}" for name in names)
    )

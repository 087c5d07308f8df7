"""DuckDB: distinct strings are collected, parsed here, and joined. The order of rows is kept."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from duckdb import ConstantExpression, InvalidInputException

from category_filter.batch._meanings import CHANGED, parse

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


def _positional(frame: Any, prefix: str) -> Any:
    """Rename the columns by position, so that they differ from any other in a query."""
    return frame.project(
        ", ".join(f"{_quote(name)} AS {prefix}{n}" for n, name in enumerate(frame.columns))
    )


def _text(frame: Any, name: str, column: str = "") -> str:
    """Return SQL for a column as strings that compare exactly, whatever its collation.

    Args:
        frame: The relation that has the column.
        name: Its name.
        column: Its name in the query, if it was renamed.
    """
    dtypes = dict(zip(frame.columns, map(str, frame.types), strict=True))
    if dtypes[name] in {"FLOAT", "DOUBLE"}:  # only nulls and NaN, as `read` has checked
        return "CAST(NULL AS VARCHAR)"
    return f"CAST({column or _quote(name)} AS VARCHAR) COLLATE C"


def _create(frame: Any, schema: Schema, rows: Iterable[Iterable[object]]) -> Any:
    """Create a relation on the connection of another.

    The rows are a constant of the query: a relation does not expose its connection, and looking up
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
    added = {f"added{n}": kind for n, kind in enumerate(meanings.schema.values())}
    rows = zip(texts, *meanings.columns(texts), strict=True)
    lookup = _create(frame, {_TEXT: str, **added}, rows)
    text = _text(frame, column, f"given{frame.columns.index(column)}")
    # A join of DuckDB does not keep the order.
    numbered = _positional(frame, "given").project(f"*, row_number() OVER () AS {_ROW}")
    joined = numbered.set_alias("given").join(
        lookup.project(f"*, TRUE AS {_FOUND}").set_alias("lookup"),
        f"{text} IS NOT DISTINCT FROM {_TEXT}",
        how="left",
    )
    values = [f"coalesce({name}, 0)" if kind is int else name for name, kind in added.items()]
    values[-1] = f"CASE WHEN {_FOUND} THEN {values[-1]} ELSE {_literal(CHANGED)} END"
    final = [
        *(f"given{n} AS {_quote(name)}" for n, name in enumerate(frame.columns)),
        *(
            f"{value} AS {_quote(name)}"
            for name, value in zip(meanings.schema, values, strict=True)
        ),
    ]
    return joined.order(_ROW).project(", ".join(final))


def keep(frame: Any, column: str, f: CategoryFilter) -> Any:
    """Keep the rows whose category is allowed."""
    present = f"{_text(frame, column)} IS NOT NULL"
    if not f.names:
        return frame.filter(f"{present} AND {f.allows_unlisted}")
    names = ", ".join(map(_literal, sorted(f.names)))
    negation = "NOT" if f.allows_unlisted else ""
    return frame.filter(f"{present} AND {_text(frame, column)} {negation} IN ({names})")


def counts(frame: Any, column: str, at_most: int) -> Texts:
    """Count the rows of each distinct string, of `at_most`."""
    texts = frame.project(f"{_text(frame, column)} AS text")
    return dict(texts.aggregate("text, count(*) AS number", "text").limit(at_most).fetchall())


def has_values(frame: Any, column: str) -> bool:
    """Return whether a column that does not hold strings has anything but nulls and NaN."""
    given = frame.filter(f"CAST({_quote(column)} AS VARCHAR) <> 'nan'").limit(1)
    return bool(given.aggregate("count(*)").fetchall()[0][0])


def from_columns(frame: Any, columns: Columns) -> Any:
    """Create a frame of the same type."""
    return _create(frame, columns.schema, zip(*columns.lists.values(), strict=True))


def join(subscriptions: Any, events: Any, on: On, texts: Texts) -> Any:
    """Join events to the subscriptions with the same key whose filter allows the category.

    Raises:
        ValueError: If the relations belong to different connections.
    """
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
    event = {name: f"event{n}" for n, name in enumerate(events.columns)}
    subscription = {name: f"subscription{n}" for n, name in enumerate(subscriptions.columns)}
    same_key = " AND ".join(f"{event[name]} = {subscription[name]}" for name in on.key)
    given = _text(subscriptions, on.filters, subscription[on.filters])
    category = _text(events, on.categories, event[on.categories])
    occurred = _positional(events, "event").set_alias("occurred")
    subscribed = _positional(subscriptions, "subscription").set_alias("subscribed")
    try:
        same = occurred.join(subscribed, same_key)
    except InvalidInputException:
        raise ValueError("both relations must belong to the same DuckDB connection") from None
    pairs = same.project(f"*, {given} AS {_GIVEN}, {category} AS {_CATEGORY}").filter(
        f"{_CATEGORY} IS NOT NULL"
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
    kept = [
        *(f"{column} AS {_quote(name)}" for name, column in event.items()),
        *(f"{subscription[name]} AS {_quote(final)}" for name, final in on.names.items()),
    ]
    return allowed.filter(f"({_NAME} IS NULL) = {_UNLISTED}").project(", ".join(kept))

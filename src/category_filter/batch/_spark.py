"""PySpark, classic and Connect: distinct strings are collected, parsed here, and joined.

Python workers would read the source once, but take 1.8 times as long as both passes.
"""

# pyright: basic
# The engine has no types, or incomplete ones.

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw
import pyarrow as pa

from category_filter.batch._meanings import CHANGED, parse

if TYPE_CHECKING:
    from collections.abc import Iterable

    from category_filter._filter import CategoryFilter
    from category_filter.batch._engines import Columns, On, Texts
    from category_filter.batch._meanings import Meanings, Schema

COLLECTS = True
IGNORES_CASE = True

_TYPES = {str: pa.string(), int: pa.int64(), bool: pa.bool_()}
_SQL_TYPES = {str: "string", int: "bigint", bool: "boolean"}

_TEXT, _FOUND, _NAME, _NUMBER, _UNLISTED, _LISTED = (
    f"category_filter__{name}" for name in ("text", "found", "name", "number", "unlisted", "listed")
)


def _functions(frame: Any) -> Any:
    connect = nw.from_native(frame).implementation.is_pyspark_connect()
    return import_module("pyspark.sql.connect.functions" if connect else "pyspark.sql.functions")


def _positional(frame: Any, prefix: str) -> Any:
    """Rename the columns by position: Spark splits names at dots and ignores their case."""
    return frame.toDF(*(f"{prefix}{number}" for number in range(len(frame.columns))))


def _text(frame: Any, column: str, prefix: str) -> Any:
    """Return a column as strings that compare exactly, whatever its collation."""
    name, dtype = next(
        (f"{prefix}{number}", dtype)
        for number, (name, dtype) in enumerate(frame.dtypes)
        if name == column
    )
    sql = _functions(frame)
    if dtype in {"float", "double"}:  # only nulls and NaN, as `read` has checked
        return sql.lit(None).cast("string")
    return sql.col(name).cast("string")


def _create(frame: Any, schema: Schema, rows: Iterable[Iterable[object]]) -> Any:
    """Create a dataframe in the session of another."""
    session = frame.sparkSession
    columns = [*zip(*rows, strict=True)]
    if not columns:  # Connect cannot create one from an empty table
        given = (f"given{number} {_SQL_TYPES[kind]}" for number, kind in enumerate(schema.values()))
        return session.createDataFrame([], ", ".join(given)).toDF(*schema)
    types = [_TYPES[kind] for kind in schema.values()]
    arrays = [pa.array(values, dtype) for values, dtype in zip(columns, types, strict=True)]
    return session.createDataFrame(pa.table(arrays, [*schema]))


def add_columns(frame: Any, column: str, meanings: Meanings, texts: Texts) -> Any:
    """Add the columns that `precompute` promises."""
    sql = _functions(frame)
    names = [*meanings.schema]
    rows = (
        (text, True, *row)
        for text, row in zip(texts, zip(*meanings.columns(texts), strict=True), strict=True)
    )
    lookup = _create(frame, {_TEXT: str, _FOUND: bool, **meanings.schema}, rows)
    lookup = lookup.toDF(_TEXT, _FOUND, *(f"added{number}" for number in range(len(names))))
    given = _positional(frame, "given")
    text = _text(frame, column, "given")
    joined = given.withColumn(_NAME, text).join(
        lookup, sql.col(_NAME).eqNullSafe(sql.col(_TEXT)), how="left"
    )
    added = [sql.col(f"added{number}") for number in range(len(names))]
    added[-1] = sql.when(sql.col(_FOUND).isNull(), sql.lit(CHANGED)).otherwise(added[-1])
    for number, kind in enumerate(meanings.schema.values()):
        if kind is int:
            added[number] = sql.coalesce(added[number], sql.lit(0).cast("bigint"))
    return joined.select(*(sql.col(name) for name in given.columns), *added).toDF(
        *frame.columns, *names
    )


def keep(frame: Any, column: str, f: CategoryFilter) -> Any:
    """Keep the rows whose category is allowed."""
    given = _positional(frame, "given")
    category = _text(frame, column, "given")
    listed = category.isin(sorted(f.names))
    kept = given.filter(category.isNotNull() & (~listed if f.allows_unlisted else listed))
    return kept.toDF(*frame.columns)


def counts(frame: Any, column: str, at_most: int) -> Texts:
    """Count the rows of each distinct string, of `at_most`.

    Raises:
        TypeError: If the dataframe is streaming.
    """
    _check_is_static(frame)
    given = _positional(frame, "given")
    text = _text(frame, column, "given").alias(_TEXT)
    found = given.select(text).groupBy(_TEXT).count().limit(at_most).toArrow()
    return dict(zip(*(column.to_pylist() for column in found.columns), strict=True))


def has_values(frame: Any, column: str) -> bool:
    """Return whether a column that does not hold strings has anything but nulls.

    Raises:
        TypeError: If the dataframe is streaming.
    """
    _check_is_static(frame)
    given = _positional(frame, "given")
    text = given[f"given{frame.columns.index(column)}"].cast("string")
    return bool(given.filter(text != "NaN").limit(1).count())


def _check_is_static(frame: Any) -> None:
    if frame.isStreaming:
        raise TypeError(
            "streaming dataframes cannot be collected: use foreachBatch, for example"
            " stream.writeStream.foreachBatch(lambda rows, _:"
            " precompute(rows, categories).write.save(path, mode='append')).start()"
        )


def from_columns(frame: Any, columns: Columns) -> Any:
    """Create a frame of the same type."""
    return _create(frame, columns.schema, zip(*columns.lists.values(), strict=True))


def join(subscriptions: Any, events: Any, on: On, texts: Texts) -> Any:
    """Join events to the subscriptions with the same key whose filter allows the category."""
    sql = _functions(events)
    filters = [parse(text, on.missing) for text in texts]
    numbered = _create(
        events,
        {_TEXT: str, _NUMBER: int, _UNLISTED: bool},
        ((t, n, f.allows_unlisted) for n, (t, f) in enumerate(zip(texts, filters, strict=True))),
    )
    listed = _create(
        events,
        {_LISTED: int, _NAME: str},
        ((n, name) for n, f in enumerate(filters) for name in sorted(f.names)),
    )
    event = _positional(events, "event")
    subscription = _positional(subscriptions, "subscription")
    names = {name: f"event{number}" for number, name in enumerate(events.columns)}
    others = {name: f"subscription{number}" for number, name in enumerate(subscriptions.columns)}
    same_key = [sql.col(names[name]) == sql.col(others[name]) for name in on.key]
    category = _text(events, on.categories, "event")
    pairs = event.join(subscription, same_key).filter(category.isNotNull())
    known = pairs.join(
        numbered, _text(subscriptions, on.filters, "subscription").eqNullSafe(sql.col(_TEXT))
    )
    allowed = known.join(
        listed, [sql.col(_NUMBER) == sql.col(_LISTED), category == sql.col(_NAME)], how="left"
    ).filter(sql.col(_LISTED).isNull() == sql.col(_UNLISTED))
    kept = [*names.values(), *(others[name] for name in on.names)]
    return allowed.select(*kept).toDF(*events.columns, *on.names.values())

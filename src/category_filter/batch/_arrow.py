"""PyArrow: tables at once, readers and datasets batch by batch, with any type of string."""

# PyArrow has no types, and creates its functions at run time.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from category_filter.batch._arrow_types import encode, take, with_positions
from category_filter.batch._arrow_types import has_values as has_any
from category_filter.batch._meanings import listed_pairs, parse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from category_filter._filter import CategoryFilter
    from category_filter.batch._engines import Columns, On, Texts
    from category_filter.batch._meanings import Meanings

COLLECTS = False
IGNORES_CASE = False

_TYPES = {str: pa.string(), int: pa.int64()}


def _tables(frame: Any) -> Iterable[Any]:
    if isinstance(frame, pa.Table):
        return [frame]
    batches = frame.to_batches() if isinstance(frame, ds.Dataset) else frame
    return (pa.Table.from_batches([batch]) for batch in batches)


def _map(frame: Any, function: Callable[[Any], Any]) -> Any:
    """Apply a function to a table, or to each batch of a reader or dataset as it is read."""
    if isinstance(frame, pa.Table):
        return function(frame)
    schema = function(pa.Table.from_batches([], frame.schema)).schema
    parts = (part for table in _tables(frame) for part in function(table).to_batches())
    return _as_type_of(frame, pa.RecordBatchReader.from_batches(schema, parts))


def _as_type_of(frame: Any, result: Any) -> Any:
    """Convert a table or reader to the type of another source."""
    if isinstance(frame, ds.Dataset):
        return ds.dataset(result, schema=result.schema)
    if isinstance(frame, pa.RecordBatchReader) and isinstance(result, pa.Table):
        return result.to_reader()
    return result


def add_columns(frame: Any, column: str, meanings: Meanings, texts: Texts) -> Any:  # noqa: ARG001 - nothing is collected
    """Add the columns that `precompute` promises."""

    def add(table: Any) -> Any:
        distinct, codes = encode(table, column)
        columns = zip(meanings.schema.items(), meanings.columns(distinct), strict=True)
        for (name, dtype), values in columns:
            table = table.append_column(name, pa.array(values, _TYPES[dtype]).take(codes))
        return table

    return _map(frame, add)


def keep(frame: Any, column: str, f: CategoryFilter) -> Any:
    """Keep the rows whose category is allowed."""

    def keep_allowed(table: Any) -> Any:
        names, codes = encode(table, column)
        allowed = pa.array([name is not None and f.allows(name) for name in names], pa.bool_())
        return take(table, pc.indices_nonzero(allowed.take(codes)))

    return _map(frame, keep_allowed)


def counts(frame: Any, column: str, at_most: int) -> Texts:
    """Count the rows of each distinct string, until there are `at_most`."""
    total: Counter[str | None] = Counter()
    for table in _tables(frame):
        texts, codes = encode(table, column)
        for found in pc.value_counts(codes).to_pylist():
            total[texts[found["values"]]] += found["counts"]
        if len(total) >= at_most:
            break
    return total


def has_values(frame: Any, column: str) -> bool:
    """Return whether a column that does not hold strings has anything but nulls.

    A stream is not read here: its column of floats passes, and is checked as it is read.
    """
    if isinstance(frame, pa.Table):
        return has_any(frame[column])
    return not pa.types.is_floating(frame.schema.field(column).type)


def from_columns(frame: Any, columns: Columns) -> Any:
    """Create a frame of the same type."""
    schema = pa.schema([(name, _TYPES[dtype]) for name, dtype in columns.schema.items()])
    return _as_type_of(frame, pa.table(columns.lists, schema=schema))


def join(subscriptions: Any, events: Any, on: On, texts: Texts) -> Any:  # noqa: ARG001 - nothing is collected
    """Join events to the subscriptions with the same key whose filter allows the category.

    The events are held in memory, and the subscriptions are read once.
    """
    empty = pa.Table.from_batches([], events.schema)
    held = pa.concat_tables([empty, *_tables(events)])
    source = subscriptions
    if not isinstance(events, pa.Table) and isinstance(source, pa.Table):
        source = source.to_reader()
    return _map(source, partial(_join, events=held, on=on))


def _join(subscriptions: Any, events: Any, on: On) -> Any:
    # Only keys and row numbers are joined, because Arrow cannot join columns of every type.
    key = {f"key{number}": name for number, name in enumerate(on.key)}
    left, right = (
        with_positions({key_: frame[name] for key_, name in key.items()}, row, len(frame))
        for frame, row in ((events, "event"), (subscriptions, "subscription"))
    )
    fields = [
        pa.field(key_, _common_type(name, left[key_].type, right[key_].type))
        for key_, name in key.items()
    ]
    left, right = (
        side.cast(pa.schema([*fields, side.schema.field(len(key))])) for side in (left, right)
    )
    pairs = left.join(right, [*key], join_type="inner")
    texts, rows = encode(subscriptions, on.filters)
    names, numbers = encode(events, on.categories)
    rows, numbers = rows.take(pairs["subscription"]), numbers.take(pairs["event"])
    pairs = pairs.filter(_allowed(texts, rows, names, numbers, on.missing))
    found = take(events, pairs["event"])
    matched = take(subscriptions.select([*on.names]), pairs["subscription"])
    for (_, name), column in zip(on.names.items(), matched.columns, strict=True):
        found = found.append_column(name, column)
    return found


def _common_type(name: str, *kinds: Any) -> Any:
    """Return a type that both columns of a key can be cast to."""
    schemas = [pa.schema([(name, kind)]) for kind in kinds]
    common = pa.unify_schemas(schemas, promote_options="permissive").field(0).type
    return pa.int8() if common == pa.null() else common  # nulls alone cannot be joined


def _allowed(
    texts: list[str | None],
    rows: Any,
    names: list[str | None],
    numbers: Any,
    missing: CategoryFilter,
) -> Any:
    """Return whether each filter allows a category, given the indexes of both."""
    listed = listed_pairs((parse(text, missing) for text in texts), names)
    pair = pc.add(pc.multiply(rows, listed.width), numbers)
    is_listed = pc.is_in(pair, pa.array(listed.pairs, pa.int64()))
    known = pa.array([name is not None for name in names], pa.bool_()).take(numbers)
    unlisted = pa.array(listed.unlisted, pa.bool_()).take(rows)
    return pc.and_(pc.xor(is_listed, unlisted), known)


def allowed(filters: Any, categories: Any, missing: CategoryFilter) -> Any:
    """Return whether each filter allows the category beside it."""
    table = pa.table({"filter": filters, "category": categories})
    return _allowed(*encode(table, "filter"), *encode(table, "category"), missing)

"""Arrow arrays in every type of string: plain, large, view, dictionary and run-end encoded."""

# PyArrow has no types, and creates its functions at run time.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

_CHUNK_ROWS = 1 << 20
"""Maximum rows in a chunk of a new column, because strings of a chunk are limited to 2 GB."""

_VIEWS = {pa.string_view(): pa.large_string(), pa.binary_view(): pa.large_binary()}
_PLAIN = {pa.string(): pa.large_string(), **_VIEWS}
"""Equivalent types that every Arrow function supports, without a limit on their size."""


def encode(table: Any, column: str) -> tuple[list[str | None], Any]:
    """Return the distinct strings of a column, and for each row the index of its string.

    Raises:
        TypeError: If the column holds anything but strings and nulls.
    """
    numbers: dict[str | None, int] = {}
    parts: list[Any] = []
    for chunk in table[column].chunks:
        try:
            encoded = _strings(chunk).dictionary_encode()
        except TypeError:
            kind = chunk.type
            raise TypeError(f"column {column!r} must hold strings, not {kind}") from None
        texts = [*encoded.dictionary.to_pylist(), None]
        number = pa.array([numbers.setdefault(text, len(numbers)) for text in texts], pa.int64())
        codes = number.take(encoded.indices.cast(pa.int64()).fill_null(len(texts) - 1))
        parts += [codes[start : start + _CHUNK_ROWS] for start in range(0, len(codes), _CHUNK_ROWS)]
    return [*numbers], pa.chunked_array(parts, pa.int64())


def _strings(array: Any) -> Any:
    """Return an array as plain strings, or as a dictionary of them."""
    kind = array.type
    if pa.types.is_run_end_encoded(kind):
        return _strings(array.values).take(_runs(array))
    if pa.types.is_dictionary(kind):
        return pa.DictionaryArray.from_arrays(array.indices, _strings(array.dictionary))
    if _plain_type(kind) in {pa.large_string(), pa.null()}:
        return array.cast(pa.large_string())
    if has_values(array):
        raise TypeError(kind)
    return pa.nulls(len(array), pa.large_string())


def has_values(column: Any) -> bool:
    """Return whether a column has anything but nulls and NaN."""
    null = column.is_null(nan_is_null=pa.types.is_floating(column.type))
    return pc.any(pc.invert(null)).as_py() is True


def _runs(array: Any) -> Any:
    """Return the position of each value of a run-end encoded array in its `values`."""
    positions = _range(len(array.values))
    runs = pa.RunEndEncodedArray.from_arrays(array.run_ends, positions)
    return pc.run_end_decode(runs.slice(array.offset, len(array)))


def _range(length: int) -> Any:
    return pc.indices_nonzero(pa.repeat(True, length)).cast(pa.int64())  # noqa: FBT003 - a value


def with_positions(columns: dict[str, Any], name: str, length: int) -> Any:
    """Return a table of plain columns, which can be joined, and a column of row numbers."""
    return pa.table(
        {key: plain(column) for key, column in columns.items()} | {name: _range(length)}
    )


def plain(column: Any) -> Any:
    """Return a column without its encoding. Strings become large strings."""
    return pa.chunked_array(map(_plain, column.chunks), _plain_type(column.type))


def _plain_type(kind: Any) -> Any:
    if pa.types.is_run_end_encoded(kind) or pa.types.is_dictionary(kind):
        return _plain_type(kind.value_type)
    return _PLAIN.get(kind) or _without_views(kind)


def _without_views(kind: Any) -> Any:
    """Return an equivalent type, inside which no strings are views."""

    def convert(field: Any) -> Any:
        return field.with_type(_VIEWS.get(field.type) or _without_views(field.type))

    if pa.types.is_struct(kind):
        return pa.struct(map(convert, kind))
    if pa.types.is_map(kind):
        return pa.map_(convert(kind.key_field), convert(kind.item_field), kind.keys_sorted)
    if pa.types.is_fixed_size_list(kind):
        return pa.list_(convert(kind.value_field), kind.list_size)
    if pa.types.is_list(kind):
        return pa.list_(convert(kind.value_field))
    return pa.large_list(convert(kind.value_field)) if pa.types.is_large_list(kind) else kind


def _plain(array: Any) -> Any:
    kind = array.type
    if pa.types.is_run_end_encoded(kind):
        return _plain(array.values).take(_runs(array))
    if pa.types.is_dictionary(kind):
        return _plain(array.dictionary).take(array.indices)
    return array.cast(_plain_type(kind))


def take(table: Any, positions: Any) -> Any:
    """Take rows of any type; `Table.take` does not support all of them."""
    columns = [_take(column, positions) for column in table.columns]
    return pa.table(columns, schema=table.schema)


def _take(column: Any, positions: Any) -> Any:
    kind = column.type
    # PyArrow cannot take from several chunks of dictionaries if one holds a null.
    if _plain_type(kind) == kind:
        return column.take(positions)
    taken = plain(column).take(positions).combine_chunks()
    return pa.chunked_array(_restore_chunks(taken, kind, _categories(column)), kind)


def _categories(column: Any) -> Any:
    """Return the distinct plain values of the dictionaries of a column, in their order."""
    if not pa.types.is_dictionary(column.type):
        return None
    values = [_plain(chunk.dictionary) for chunk in column.chunks]
    return pa.chunked_array(values, _plain_type(column.type)).unique()


def _restore_chunks(array: Any, kind: Any, categories: Any = None) -> list[Any]:
    """Convert a plain array back to its original type, in as many chunks as that type needs."""
    try:
        return [_restore(array, kind, categories)]
    except pa.ArrowInvalid:  # too many values for the indexes, or rows for the run ends
        half = len(array) // 2  # a single row always fits
        return [*_restore_chunks(array[:half], kind), *_restore_chunks(array[half:], kind)]


def _restore(array: Any, kind: Any, categories: Any = None) -> Any:
    """Convert a plain array back to its original type, with these values of a dictionary."""
    if pa.types.is_run_end_encoded(kind):
        encoded = array.dictionary_encode()
        runs = pc.run_end_encode(encoded.indices, run_end_type=kind.run_end_type)
        values = _restore(encoded.dictionary.take(runs.values), kind.value_type)
        return pa.RunEndEncodedArray.from_arrays(runs.run_ends, values, kind)
    if pa.types.is_dictionary(kind):
        values = array.drop_null().unique() if categories is None else categories
        indices = pc.index_in(array, value_set=values).cast(kind.index_type)
        restored = _restore(values, kind.value_type)
        return pa.DictionaryArray.from_arrays(indices, restored, ordered=kind.ordered)
    return array.cast(kind)

"""A column of filters: collect the distinct ones, parse each once, join the results."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import narwhals.stable.v2 as nw

from category_filter._filter import CategoryFilter
from category_filter.batch._frames import as_string, new_frame_like
from category_filter.batch.errors import InvalidRowsError
from category_filter.errors import CategoryFilterError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from category_filter.batch._frames import Columns

__all__ = ["EVERYTHING", "LIMIT", "FilterColumn", "Invalid"]

LIMIT = 5_000_000
"""The default limit on the number of distinct filters, which are held in memory."""

EVERYTHING = CategoryFilter("*")
_NOTHING = CategoryFilter("-*")

Invalid = Literal["raise", "deny"]

_TEXT = "category_filter__text"
_COUNT = "category_filter__count"

_NULLS = {"None", "nan", "<NA>", "NaT"}
"""The null values of the engines, as `str` returns them."""


class _Parsed(NamedTuple):
    """A filter, or the error of an invalid one."""

    f: CategoryFilter | None
    error: str | None


class FilterColumn(NamedTuple):
    """A column of filters and its distinct strings, each with its number of rows."""

    frame: Any
    name: str
    default: str
    counts: dict[str, int]

    @classmethod
    def collect(
        cls, frame: Any, name: str, missing: str | CategoryFilter, limit: int
    ) -> FilterColumn:
        """Collect the distinct strings. Nulls count as `missing`.

        Raises:
            TypeError: If a value is neither a string nor null.
            ValueError: If there are more distinct strings than `limit`.
        """
        default = str(CategoryFilter(missing))
        # `unique` is a window function on DuckDB and Spark, which takes twenty times as long.
        distinct = frame.group_by(name).agg(nw.len().alias(_COUNT)).head(limit + 1).lazy().collect()
        if len(distinct) > limit:
            raise ValueError(
                f"more than {limit:,} distinct filters in column {name!r}, all of them held in"
                " memory: raise the limit to allow more"
            )
        values, numbers = distinct[name].to_list(), distinct[_COUNT].to_list()
        counts: dict[str, int] = dict(zip(values, numbers, strict=True))
        nulls = [value for value in counts if not isinstance(value, str)]
        for null in nulls:
            if str(null) not in _NULLS:
                raise TypeError(f"column {name!r} must hold strings, not {type(null).__name__}")
        counts[default] = counts.get(default, 0) + sum(counts.pop(null) for null in nulls)
        return cls(frame, name, default, counts)

    def parse_each(self) -> Iterator[_Parsed]:
        """Parse the distinct strings in order."""
        return map(_try_parse, self.counts)

    def filters(self, invalid: Invalid) -> list[CategoryFilter]:
        """Return the filter of each distinct string.

        Raises:
            InvalidRowsError: If a filter is invalid and `invalid` is "raise"; with "deny", it
                becomes `-*`.
        """
        if invalid not in {"raise", "deny"}:
            raise ValueError(f"invalid must be 'raise' or 'deny', not {invalid!r}")
        parsed = [*self.parse_each()]
        if invalid == "raise":
            errors = {
                text: error
                for text, (_, error) in zip(self.counts, parsed, strict=True)
                if error is not None
            }
            if errors:
                most_common = sorted(errors, key=lambda text: (-self.counts[text], text))
                raise InvalidRowsError(
                    self.name,
                    sum(self.counts[text] for text in errors),
                    {text: errors[text] for text in most_common},
                )
        return [f or _NOTHING for f, _ in parsed]

    def join_lookup(self, columns: Columns) -> Any:
        """Add columns to the frame, given their values for the distinct strings."""
        texts = [*self.counts]
        frame = self.frame
        if isinstance(self.frame, nw.DataFrame):  # not `frame`, whose type would become narrower
            column = frame[self.name]
            if column.dtype in (nw.Unknown, nw.Enum):  # an enum may lack the default
                column = column.cast(nw.String)
            rows = column.replace_strict(
                texts,
                [*range(len(texts))],
                default=texts.index(self.default),
                return_dtype=nw.UInt32,  # other integers are validated before Polars gathers
            )
            backend = frame.implementation
            return frame.with_columns(
                nw.new_series(name, values, dtype, backend=backend)[rows].alias(name)
                for name, (dtype, values) in columns.items()
            )
        given = nw.when(~nw.col(self.name).is_null()).then(as_string(frame, self.name))
        lookup = new_frame_like(frame, {_TEXT: (nw.String(), texts), **columns})
        return (
            frame.with_columns(given.otherwise(nw.lit(self.default)).alias(_TEXT))
            .join(lookup, on=_TEXT, how="left")
            .drop(_TEXT)
        )


def _try_parse(text: str) -> _Parsed:
    try:
        return _Parsed(CategoryFilter(text), None)
    except CategoryFilterError as error:
        return _Parsed(None, error.summary())

"""The error for rows with an invalid filter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from category_filter._messages import INDENT, quote

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["InvalidRowsError"]

_MAX_LISTED = 5
"""Number of invalid filters in the message; `error.errors` holds all of them."""


class InvalidRowsError(ValueError):
    """Rows with an invalid filter, in a function whose result has no column for errors.

    >>> import polars as pl
    >>> from category_filter import Categories
    >>> from category_filter.batch import audience
    >>> try:
    ...     audience(pl.DataFrame({"category_filter": ["a;b", "*", "a;b"]}), Categories(["a"]))
    ... except InvalidRowsError as error:
    ...     print(error.count, error.errors)
    2 {'a;b': "write ',' instead of ';'; did you mean 'a,b'?"}

    Attributes:
        column: The column of filters.
        count: The number of invalid rows.
        errors: The message for each distinct invalid filter, the most common filter first.
    """

    def __init__(self, column: str, count: int, errors: Mapping[str, str]) -> None:
        self.column = column
        self.count = count
        self.errors = errors
        verb = "row has" if count == 1 else "rows have"
        message = (
            f"{count:,} {verb} an invalid filter in column {column!r}"
            " (invalid='deny' treats them as '-*'):"
        )
        for text in [*errors][:_MAX_LISTED]:
            message += f"\n{INDENT}{quote(text)}: {errors[text]}"
        if len(errors) > _MAX_LISTED:
            message += f"\n{INDENT}and {len(errors) - _MAX_LISTED:,} more"
        super().__init__(message)

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.column, self.count, self.errors), vars(self)

"""Invalid filters in functions whose result has no column for errors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from category_filter._filter import CategoryFilter
from category_filter.batch._meanings import DENY_ALL, try_parse
from category_filter.batch.errors import InvalidRowsError

if TYPE_CHECKING:
    from category_filter.batch._engines import Texts

__all__ = ["Invalid", "check_option", "parse_all"]

Invalid = Literal["raise", "deny"]


def check_option(invalid: Invalid) -> None:
    """Raise a ValueError unless this is "raise" or "deny"."""
    if invalid not in {"raise", "deny"}:
        raise ValueError(f"invalid must be 'raise' or 'deny', not {invalid!r}")


def parse_all(
    texts: Texts, column: str, missing: str | CategoryFilter, invalid: Invalid
) -> list[CategoryFilter]:
    """Return the filter of each distinct string.

    Raises:
        InvalidRowsError: If a filter is invalid and `invalid` is "raise"; with "deny", it becomes
            `-*`.
    """
    check_option(invalid)
    filters: list[CategoryFilter] = []
    errors: dict[str, str] = {}
    default = CategoryFilter(missing)
    for text in texts:
        if text is None:
            filters.append(default)
            continue
        f, error = try_parse(text)
        if error is not None:
            errors[text] = error
        filters.append(f or DENY_ALL)
    if errors and invalid == "raise":
        most_common = sorted(errors, key=lambda text: (-texts[text], text))
        raise InvalidRowsError(
            column,
            sum(texts[text] for text in errors),
            {text: errors[text] for text in most_common},
        )
    return filters

"""The conversion of filter errors to Django's `ValidationError`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.utils.functional import lazy
from django.utils.translation import gettext

from category_filter.errors import FilterSyntaxError, UnknownCategoryError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from category_filter import CategoryFilterError

__all__ = ["validation_error"]


def validation_error(
    error: CategoryFilterError, messages: Mapping[str, Any] | None = None
) -> ValidationError:
    """Return a `ValidationError` with the code, the data and the localized message of an error.

    >>> from category_filter import CategoryFilter, CategoryFilterError
    >>> try:
    ...     CategoryFilter("news;sport")
    ... except CategoryFilterError as error:
    ...     converted = validation_error(error)
    >>> converted.code, converted.params["position"], converted.messages
    ('lookalike', 4, ["write ',' instead of ';'; did you mean 'news,sport'?"])

    Args:
        error: The error to convert.
        messages: Messages by code, such as a field's `error_messages`, that replace the default
            ones. They may use the keys of `params` as placeholders.
    """
    params: dict[str, Any] = {
        **error.params(gettext),
        "message": lazy(error.summary, str)(gettext),
        "position": error.position,
        "text": error.text,
    }
    if isinstance(error, FilterSyntaxError):
        params["suggestion"] = error.suggestion
    if isinstance(error, UnknownCategoryError):
        params["unknown"] = error.unknown
    message = (messages or {}).get(error.code, "%(message)s")
    return ValidationError(message, code=error.code, params=params)

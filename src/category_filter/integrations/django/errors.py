"""A refusal in Django's own shape: code, parameters, and a message in the reader's language."""

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
    """The error that a form or a model reports, with ours as its parameters.

    >>> from category_filter import CategoryFilter, CategoryFilterError
    >>> try:
    ...     CategoryFilter("news;sport")
    ... except CategoryFilterError as error:
    ...     reported = validation_error(error)
    >>> reported.code, reported.params["position"], reported.messages
    ('lookalike', 4, ["write ',' instead of ';'; did you mean 'news,sport'?"])

    Args:
        error: What was refused and why.
        messages: The field's own messages by code, which go before ours; they are filled from the
            same parameters.
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
    own = (messages or {}).get(error.code, "%(message)s")
    return ValidationError(own, code=error.code, params=params)

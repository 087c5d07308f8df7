"""Django's length validators, applied to the canonical form of a filter."""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING, Any, TypeVar

from django.core.validators import MaxLengthValidator, MinLengthValidator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from category_filter import CategoryFilter

__all__ = ["of_canonical_form"]

_Validator = TypeVar("_Validator", bound="Callable[..., Any]")


def of_canonical_form(validators: Iterable[_Validator]) -> list[_Validator]:
    """Return the validators, with length validators that measure the canonical form.

    >>> from category_filter import CategoryFilter
    >>> [validate] = of_canonical_form([MaxLengthValidator(4, "too long")])
    >>> validate(CategoryFilter("news,sport"))
    Traceback (most recent call last):
        ...
    django.core.exceptions.ValidationError: ['too long']
    """
    return [_of_canonical_form(validate) for validate in validators]


def _of_canonical_form(validate: Any) -> Any:
    if isinstance(validate, MaxLengthValidator | MinLengthValidator):
        validate = copy(validate)
        vars(validate)["clean"] = _length
    return validate


def _length(f: CategoryFilter) -> int:
    return len(str(f))

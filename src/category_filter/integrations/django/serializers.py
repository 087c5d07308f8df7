"""The serializer field for Django REST framework, which model serializers use automatically."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, cast

from django.core.validators import MaxLengthValidator
from django.db.models import Manager
from django.utils.translation import gettext
from rest_framework import serializers
from rest_framework.metadata import SimpleMetadata

from category_filter import Categories, CategoryFilter, CategoryFilterError
from category_filter.integrations._validation import parse
from category_filter.integrations.django import models
from category_filter.integrations.django.validators import of_canonical_form

if TYPE_CHECKING:
    from collections.abc import Iterator

    Field = serializers.Field[CategoryFilter, Any, str, Any]
else:
    Field = serializers.Field

__all__ = ["CategoryFilterField", "register"]


class CategoryFilterField(Field):
    """A serializer field that accepts strings, and represents filters in canonical form.

    Args:
        categories: The known set, to validate names. Names listed by the updated instance stay
            valid, even if retired since; with `many=True`, those of all updated instances do.
        max_length: The maximum length of the canonical form, in characters.
        **options: Passed to `rest_framework.serializers.Field`. `error_messages` may replace
            messages by the code of the `CategoryFilterError`.
    """

    default_error_messages = {"invalid": serializers.CharField.default_error_messages["invalid"]}

    def __init__(
        self, categories: Categories | None = None, *, max_length: int | None = None, **options: Any
    ) -> None:
        self.categories = categories
        self.max_length = max_length
        if isinstance(options.get("default"), str):
            options["default"] = parse(options["default"], categories)
        super().__init__(**options)
        self.validators = of_canonical_form(self.validators)

    def get_default(self) -> Any:
        """Return the default as a filter, even if a function returns a string."""
        default = super().get_default()
        return parse(default, self.categories) if isinstance(default, str) else default

    def to_representation(self, value: CategoryFilter | str) -> str:
        return str(CategoryFilter(value))

    def to_internal_value(self, data: Any) -> CategoryFilter:
        """Return the input as a filter.

        Raises:
            ValidationError: If the input is not a valid filter. Its code is that of the
                `CategoryFilterError`.
        """
        if not isinstance(data, str | CategoryFilter):
            self.fail("invalid")
        try:
            f = CategoryFilter(data)
            if self.categories is not None and (unknown := self.categories.unknown(f)):
                parse(data, self.categories, stored=self._stored_names(unknown))
        except CategoryFilterError as error:
            if error.code in self.error_messages:
                self.fail(error.code, **error.params(gettext), **vars(error))
            raise serializers.ValidationError(error.summary(gettext), code=error.code) from error
        if self.max_length is not None:
            MaxLengthValidator(self.max_length)(str(f))
        return f

    def _stored_names(self, names: Iterable[str]) -> CategoryFilter:
        stored = {
            name for f in _current_values(self) if isinstance(f, CategoryFilter) for name in f.names
        }
        return CategoryFilter.only(*stored.intersection(names))


def _current_values(field: Any) -> Iterator[Any]:
    """Yield the current values of a field or serializer in the instances that are updated.

    With `many=True`, an item does not say which instance it updates, so all of them count.
    """
    if (instance := getattr(field, "instance", None)) is not None:
        yield from [instance] if isinstance(instance, Mapping) else _items(instance)
    elif field.parent is not None:
        for value in _current_values(field.parent):
            yield from _attribute(value, field.source_attrs) if field.source else _items(value)


def _attribute(value: Any, path: Iterable[str]) -> Iterator[Any]:
    for name in path:
        if isinstance(value, Mapping):
            value = cast("Mapping[str, Any]", value).get(name)
        else:
            value = getattr(value, name, None)
    yield value


def _items(value: Any) -> Iterable[Any]:
    """Return the items of a list, dict or related manager, or the value alone."""
    if isinstance(value, Manager):
        value = cast("Any", value).all()
    if isinstance(value, Mapping):
        value = cast("Mapping[str, Any]", value).values()
    items: Any = value
    return items if isinstance(value, Iterable) else [value]


class _ModelField(serializers.ModelField):
    """A factory for model serializers: only a `ModelField` receives the field of the model."""

    def __new__(cls, model_field: models.CategoryFilterField, **options: Any) -> Any:  # pyright: ignore[reportInconsistentConstructor] - a factory
        return CategoryFilterField(
            model_field.categories, max_length=model_field.max_length, **options
        )


def register() -> None:
    """Make `ModelSerializer` use this field for filter columns, and OPTIONS describe it."""
    serializers.ModelSerializer.serializer_field_mapping[models.CategoryFilterField] = _ModelField
    SimpleMetadata.label_lookup[CategoryFilterField] = "string"

"""The serializer field for Django REST framework, which model serializers use automatically."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from django.utils.translation import gettext
from rest_framework import serializers

from category_filter import Categories, CategoryFilter, CategoryFilterError
from category_filter.integrations._validation import parse
from category_filter.integrations.django import models

if TYPE_CHECKING:
    Field = serializers.Field[CategoryFilter, Any, str, Any]
else:
    Field = serializers.Field

__all__ = ["CategoryFilterField", "register"]


class CategoryFilterField(Field):
    """A serializer field that accepts strings, and represents filters in canonical form.

    Args:
        categories: The known set, to validate names. Names listed by the updated instance stay
            valid, even if retired since.
        **options: Passed to `rest_framework.serializers.Field`. `error_messages` may replace
            messages by the code of the `CategoryFilterError`.
    """

    default_error_messages = {"invalid": serializers.CharField.default_error_messages["invalid"]}

    def __init__(self, categories: Categories | None = None, **options: Any) -> None:
        self.categories = categories
        if isinstance(options.get("default"), str):
            options["default"] = parse(options["default"], categories)
        super().__init__(**options)

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
            stored: object = getattr(cast("object", self.parent), "instance", None)
            for attribute in getattr(self, "source_attrs", ()):  # set when the field is bound
                stored = getattr(stored, attribute, None)
            return parse(data, self.categories, stored=stored)
        except CategoryFilterError as error:
            if error.code in self.error_messages:
                self.fail(error.code, **error.params(gettext), **vars(error))
            raise serializers.ValidationError(error.summary(gettext), code=error.code) from error


class _ModelField(CategoryFilterField, serializers.ModelField):  # pyright: ignore[reportIncompatibleMethodOverride] - it represents the value, not the instance
    """The field of a model serializer, with the known set of the model field."""

    def __init__(self, model_field: models.CategoryFilterField, **options: Any) -> None:
        super().__init__(model_field.categories, model_field=model_field, **options)
        self._check_length = model_field.check_length

    def to_internal_value(self, data: Any) -> CategoryFilter:
        f = super().to_internal_value(data)
        self._check_length(f)
        return f

    def get_attribute(self, obj: Any) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride] - the base classes disagree
        return CategoryFilterField.get_attribute(self, obj)


def register() -> None:
    """Make `ModelSerializer` use this field for filter columns."""
    serializers.ModelSerializer.serializer_field_mapping[models.CategoryFilterField] = _ModelField

"""The field for Django REST framework, which model serializers find by themselves."""

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
    """A field that reads texts as filters, and shows filters as canonical texts.

    Args:
        categories: The known set, if names are to be checked. What the updated instance lists may
            stay, though retired since.
        **options: What every field takes. `error_messages` may hold messages by our codes.
    """

    default_error_messages = {"invalid": serializers.CharField.default_error_messages["invalid"]}

    def __init__(self, categories: Categories | None = None, **options: Any) -> None:  # noqa: ANN401 - passed on
        self.categories = categories
        if isinstance(options.get("default"), str):
            options["default"] = parse(options["default"], categories)
        super().__init__(**options)

    def to_representation(self, value: CategoryFilter | str) -> str:
        """The canonical text."""
        return str(CategoryFilter(value))

    def to_internal_value(self, data: Any) -> CategoryFilter:  # noqa: ANN401 - what was sent
        """The filter.

        Raises:
            ValidationError: It is none; the detail's code is that of the mistake.
        """
        if not isinstance(data, str | CategoryFilter):
            self.fail("invalid")
        try:
            stored: object = getattr(cast("object", self.parent), "instance", None)
            for attribute in getattr(self, "source_attrs", ()):  # it has none before it is bound
                stored = getattr(stored, attribute, None)
            return parse(data, self.categories, stored=stored)
        except CategoryFilterError as error:
            if error.code in self.error_messages:
                self.fail(error.code, **error.params(gettext), **vars(error))
            raise serializers.ValidationError(error.summary(gettext), code=error.code) from error


class _ModelField(CategoryFilterField, serializers.ModelField):  # pyright: ignore[reportIncompatibleMethodOverride] - a value is shown, not its owner
    """The same for a model's field, whose known set it takes over."""

    def __init__(self, model_field: models.CategoryFilterField, **options: Any) -> None:  # noqa: ANN401 - passed on
        super().__init__(model_field.categories, model_field=model_field, **options)
        self._check_length = model_field.check_length

    def to_internal_value(self, data: Any) -> CategoryFilter:  # noqa: ANN401 - what was sent
        f = super().to_internal_value(data)
        self._check_length(f)
        return f

    def get_attribute(self, obj: Any) -> Any:  # noqa: ANN401 - whatever is serialized  # pyright: ignore[reportIncompatibleMethodOverride] - its bases disagree
        return CategoryFilterField.get_attribute(self, obj)


def register() -> None:
    """Let `ModelSerializer` find the field above."""
    serializers.ModelSerializer.serializer_field_mapping[models.CategoryFilterField] = _ModelField

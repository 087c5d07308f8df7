"""The description of the serializer field for drf-spectacular."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from django.utils.translation import gettext
from drf_spectacular.extensions import OpenApiSerializerFieldExtension

from category_filter.errors import MESSAGES
from category_filter.integrations.django import serializers

if TYPE_CHECKING:
    from drf_spectacular.openapi import AutoSchema
    from drf_spectacular.utils import Direction

__all__ = ["CategoryFilterExtension", "register"]


class CategoryFilterExtension(OpenApiSerializerFieldExtension):
    """A string whose description lists the known categories.

    It has no pattern, because a stored filter may list categories that were retired since.
    """

    match_subclasses = True

    def map_serializer_field(self, auto_schema: AutoSchema, direction: Direction) -> dict[str, Any]:
        field = cast("serializers.CategoryFilterField", self.target)
        if field.categories is None:
            return {"type": "string"}
        names = ", ".join(field.categories)
        return {"type": "string", "description": gettext(MESSAGES["forms"]) % {"names": names}}


def register() -> None:
    """Describe the serializer field with this extension."""
    CategoryFilterExtension.target_class = serializers.CategoryFilterField

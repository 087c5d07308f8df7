"""The filter for django-filter, which filter sets use for fields in `Meta.fields`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import django_filters.rest_framework
from django import forms
from django.utils.translation import gettext
from django_filters.fields import ChoiceField

from category_filter.integrations.django import models
from category_filter.integrations.django.forms import CategoryFilterField

if TYPE_CHECKING:
    from category_filter import Categories

__all__ = ["CategoryFilterFilter", "register"]


class CategoryFilterFilter(django_filters.Filter):
    """A filter of rows: by a category for the lookup `allows`, by a whole filter for `exact`.

        class SubscriptionFilter(django_filters.FilterSet):
            class Meta:
                model = Subscription
                fields = {"wanted": ["exact", "allows"]}

    `?wanted__allows=news` offers and accepts the known categories. `?wanted=-news` finds rows with
    that filter, in any spelling. Other lookups search the canonical form.

    Args:
        field_name: The model field.
        lookup_expr: The lookup.
        categories: The known set.
        **options: Passed to `django_filters.Filter`.

    Raises:
        ValueError: If the lookup is `in` or `range`, which would split a filter at its commas.
    """

    def __init__(
        self,
        field_name: str | None = None,
        lookup_expr: str = "exact",
        *,
        categories: Categories | None = None,
        **options: Any,
    ) -> None:
        self.field_class = forms.CharField
        lookup = lookup_expr.rpartition("__")[2]
        if lookup in {"in", "range"}:
            raise ValueError(f"lookup {lookup!r} would split a filter at its commas")
        if lookup == "allows" and categories is not None:
            self.field_class = ChoiceField
            options["choices"] = lambda: [
                (name, gettext(label)) for name, label in categories.labels.items()
            ]
        elif lookup == "exact":
            self.field_class = CategoryFilterField
            options["widget"] = forms.TextInput
        super().__init__(field_name, lookup_expr, **options)


def _known_set(field: models.CategoryFilterField) -> dict[str, Any]:
    return {"categories": field.categories}


def register() -> None:
    """Make filter sets use this filter for filter columns."""
    for filter_set in (django_filters.FilterSet, django_filters.rest_framework.FilterSet):
        filter_set.FILTER_DEFAULTS[models.CategoryFilterField] = {
            "filter_class": CategoryFilterFilter,
            "extra": _known_set,
        }

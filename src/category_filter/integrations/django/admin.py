"""The admin's list filter by category, used for a model field in `list_filter`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.admin import FieldListFilter
from django.db.models import Count, Field, Q
from django.utils.translation import gettext

from category_filter.integrations.django.models import CategoryFilterField

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.contrib.admin.views.main import ChangeList
    from django.db.models import Model, QuerySet

__all__ = ["CategoryListFilter", "register"]


class CategoryListFilter(FieldListFilter):
    """A list filter that shows the rows whose filter allows the selected category."""

    def __init__(self, field: Any, request: Any, params: Any, *args: Any, **options: Any) -> None:
        self.lookup = f"{options['field_path']}__allows"
        self.labels = field.categories.labels
        self.selected = params.get(self.lookup, [])
        super().__init__(field, request, params, *args, **options)

    def expected_parameters(self) -> list[str | None]:
        return [self.lookup]

    def get_facet_counts(self, pk_attname: str, filtered_qs: QuerySet[Model]) -> dict[str, Any]:
        return {
            f"{number}__c": Count(pk_attname, filter=Q((self.lookup, name)))
            for number, name in enumerate(self.labels)
        }

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        counts = self.get_facet_queryset(changelist) if changelist.add_facets else {}
        yield {
            "selected": not self.selected,
            "query_string": changelist.get_query_string(remove=[self.lookup]),
            "display": gettext("All"),
        }
        for number, (name, label) in enumerate(self.labels.items()):
            count = f" ({counts[f'{number}__c']})" if counts else ""
            yield {
                "selected": name in self.selected,
                "query_string": changelist.get_query_string({self.lookup: name}),
                "display": gettext(label) + count,
            }


def _has_categories(field: Field[Any, Any]) -> bool:
    return isinstance(field, CategoryFilterField) and field.categories is not None


def register() -> None:
    """Make the admin use `CategoryListFilter` for model fields with a known set."""
    FieldListFilter.register(_has_categories, CategoryListFilter, take_priority=True)

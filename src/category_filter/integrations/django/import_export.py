"""The widget for django-import-export, which model resources use for filter columns."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext
from import_export import resources, widgets

from category_filter import CategoryFilter, CategoryFilterError

__all__ = ["CategoryFilterWidget", "register"]


class CategoryFilterWidget(widgets.Widget):
    """A cell that holds a filter in canonical form, or is blank for null.

    A blank cell is imported as the default of the model field, which for a nullable field is null.
    Names are validated if the resource has `clean_model_instances = True`.
    """

    def clean(self, value: Any, row: Any = None, **options: Any) -> CategoryFilter | None:
        """Return the filter of a cell.

        Raises:
            ValueError: If it is invalid, with the message for the import page.
        """
        if value is None or value == "":
            return None
        try:
            return CategoryFilter(value)
        except CategoryFilterError as error:
            raise ValueError(error.summary(gettext)) from error


def register() -> None:
    """Make model resources use this widget."""
    resources.ModelResource.WIDGETS_MAP["CategoryFilterField"] = CategoryFilterWidget

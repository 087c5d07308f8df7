"""The form field."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from category_filter import Categories, CategoryFilter, CategoryFilterError
from category_filter.integrations._validation import browser_checks, parse
from category_filter.integrations.django.errors import validation_error
from category_filter.integrations.django.validators import of_canonical_form
from category_filter.integrations.django.widgets import (
    CategoryFilterWidget,
    HiddenFilterWidget,
    try_parse,
)

if TYPE_CHECKING:
    from django.forms.boundfield import BoundField

__all__ = ["CategoryFilterField", "CategoryFilterWidget"]


class CategoryFilterField(forms.Field):
    """A form field whose cleaned value is a filter, or None if it is optional and left blank.

    >>> from category_filter.navixy import CATEGORIES
    >>> field = CategoryFilterField(categories=CATEGORIES)
    >>> field.clean(["except", ["chat_message"]]), field.clean("history_rule")
    (CategoryFilter('-chat_message'), CategoryFilter('history_rule'))

    With `categories`, the field renders `CategoryFilterWidget`. Otherwise, or with
    `widget=TextInput`, it renders a text input. With both, the browser validates the text before
    it sends the form. Names listed by the initial filter stay valid, even if retired since.

    Args:
        categories: The known set, to offer and validate names.
        **options: Passed to `django.forms.Field`. `error_messages` may replace messages by the
            code of the `CategoryFilterError`.

    Raises:
        ValidationError: From `clean`, with the code and the data of the `CategoryFilterError`.
    """

    default_error_messages = {
        "invalid": _("“%(value)s” is not a valid category filter."),
        "invalid_choice": forms.ChoiceField.default_error_messages["invalid_choice"],
        "mode_missing": _("Choose whether to include or exclude the selected categories."),
    }

    def __init__(self, *, categories: Categories | None = None, **options: Any) -> None:
        self.categories = categories
        self.stored: CategoryFilter | None = None
        if categories is not None and not options.get("widget"):
            options["widget"] = CategoryFilterWidget
        super().__init__(**options)
        self.validators = of_canonical_form(self.validators)
        if isinstance(self.widget, CategoryFilterWidget):
            self.widget.categories = categories
            self.hidden_widget = HiddenFilterWidget

    def get_bound_field(self, form: forms.BaseForm, field_name: str) -> BoundField:
        """Return the bound field, which shows former names of its initial filter as the new ones.

        The names that the initial filter lists are remembered for validation.
        """
        bound = super().get_bound_field(form, field_name)
        self.stored = try_parse(bound.initial)
        if self.categories is not None and self.stored is not None:
            bound.initial = self.stored.rename(self.categories.renamed)
        if self.categories is not None and isinstance(self.widget, forms.TextInput):
            self.widget.attrs |= browser_checks(self.categories, self.stored, gettext)
        return bound

    def to_python(self, value: Any) -> CategoryFilter | None:
        """Return the filter of a string, or of a list of mode and names."""
        try:
            f = self._compress(value) if isinstance(value, list) else value
            if f is None or (isinstance(f, str) and not f.strip()):
                return None
            return parse(f, self.categories, stored=self.stored)
        except CategoryFilterError as error:
            raise validation_error(error, self.error_messages) from error
        except TypeError:
            raise self._validation_error("invalid", cast("object", value)) from None

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Return True if the filters differ; another spelling of the same filter is no change."""
        if self.disabled:
            return False
        try:
            return self.to_python(data) != try_parse(initial)
        except ValidationError:
            return True

    def _compress(self, value: Any) -> CategoryFilter | None:
        renamed = self.categories.renamed if self.categories else dict[str, str]()
        match value:
            case ["all", [*_]]:
                return CategoryFilter("*")
            case ["none", [*_]]:
                return CategoryFilter("-*")
            case ["only", [*names]]:
                return CategoryFilter.only(*names).rename(renamed)
            case ["except", [*names]]:
                return CategoryFilter.all_except(*names).rename(renamed)
            case [None | "", []]:
                return None
            case [None | "", [*_]]:
                raise self._validation_error("mode_missing", None)
            case [mode, [*_]]:
                raise self._validation_error("invalid_choice", cast("object", mode))
            case _:  # from another widget
                raise self._validation_error("invalid", value)

    def _validation_error(self, code: str, value: object) -> ValidationError:
        return ValidationError(self.error_messages[code], code=code, params={"value": value})

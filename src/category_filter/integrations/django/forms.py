"""The form field, and a widget that works without JavaScript."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from category_filter import Categories, CategoryFilter, CategoryFilterError
from category_filter.integrations._validation import browser_checks, parse
from category_filter.integrations.django.errors import validation_error

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.forms.boundfield import BoundField

__all__ = ["CategoryFilterField", "CategoryFilterWidget"]

_ALL, _ONLY, _EXCEPT, _UNSPECIFIED = "all", "only", "except", ""

_MODE_LABELS = {
    _ALL: _("all categories"),
    _ONLY: _("only these categories"),
    _EXCEPT: _("all categories except these"),
}


class _BaseFilterWidget(forms.MultiWidget):
    """A filter as two inputs: its mode, and the names it lists."""

    def decompress(self, value: Any) -> list[Any]:
        """Return the mode and the names of a filter, or neither if it is invalid."""
        f = _try_parse(value)
        if f is None:
            return [_UNSPECIFIED, []]
        if f.allows_unlisted:
            return [_EXCEPT if f.names else _ALL, sorted(f.names)]
        return [_ONLY, sorted(f.names)]

    def value_from_datadict(self, data: Mapping[str, Any], files: Any, name: str) -> list[Any]:
        mode, names = super().value_from_datadict(data, files, name)
        if not isinstance(names, list):  # form data from JSON
            names = [] if names is None else [names]
        return [mode, [str(name) for name in cast("list[object]", names)]]

    def value_omitted_from_data(self, data: Mapping[str, Any], files: Any, name: str) -> bool:
        """Return True if the mode is missing; browsers send nothing for unchecked checkboxes."""
        return f"{name}_mode" not in data

    def use_required_attribute(self, initial: object) -> bool:
        """Return False: `required` would make the browser insist on every checkbox."""
        return False


class CategoryFilterWidget(_BaseFilterWidget):
    """Radio buttons for the mode (all, only these, all except these), and a checkbox per category.

    Names outside the known set that the filter lists have a checkbox too, so that saving the form
    keeps them. The template needs Django's own template engine.

    Args:
        categories: The known set; `CategoryFilterField` sets it.
        attrs: Passed to `django.forms.MultiWidget`.
    """

    template_name = "category_filter/widget.html"

    class Media:
        """The style sheet, which hides the checkboxes while all categories are selected."""

        css = {"all": ["category_filter/widget.css"]}

    def __init__(
        self, categories: Categories | None = None, attrs: dict[str, Any] | None = None
    ) -> None:
        self.categories = categories
        super().__init__(
            {"mode": forms.RadioSelect(), "names": forms.CheckboxSelectMultiple()}, attrs
        )

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        """Return the context of the template, which marks only the radio group as invalid."""
        if not isinstance(value, list):
            value = self.decompress(value)
        mode, names = cast("list[forms.RadioSelect]", self.widgets)
        mode.choices = [*_MODE_LABELS.items()]
        if not self.is_required:
            mode.choices = [(_UNSPECIFIED, _("not specified")), *mode.choices]
        labels = self.categories.labels if self.categories else dict[str, str]()
        retired = [name for name in cast("list[str]", value[1]) if name not in labels]
        names.choices = [
            *((name, gettext(label)) for name, label in labels.items()),
            *((name, gettext("%(name)s (no longer offered)") % {"name": name}) for name in retired),
        ]
        attrs = dict(attrs or {})
        invalid = attrs.pop("aria-invalid", None)
        context = super().get_context(name, value, attrs)
        context["widget"]["is_invalid"] = invalid is not None
        return context


class _HiddenFilterWidget(_BaseFilterWidget):
    """The same two inputs, hidden."""

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__({"mode": forms.HiddenInput(), "names": forms.MultipleHiddenInput()}, attrs)


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
        if isinstance(self.widget, CategoryFilterWidget):
            self.widget.categories = categories
            self.hidden_widget = _HiddenFilterWidget

    def get_bound_field(self, form: forms.BaseForm, field_name: str) -> BoundField:
        """Return the bound field, and remember its initial filter for validation."""
        bound = super().get_bound_field(form, field_name)
        self.stored = _try_parse(bound.initial)
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
            return self.to_python(data) != _try_parse(initial)
        except ValidationError:
            return True

    def _compress(self, value: Any) -> CategoryFilter | None:
        match value:
            case ["all", [*_]]:
                return CategoryFilter("*")
            case ["only", [*names]]:
                return CategoryFilter.only(*names)
            case ["except", [*names]]:
                return CategoryFilter.all_except(*names)
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


def _try_parse(value: Any) -> CategoryFilter | None:
    try:
        return CategoryFilter(value)
    except (CategoryFilterError, TypeError):
        return None

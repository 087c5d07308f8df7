"""The form field, and the widget that needs no JavaScript."""

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

_MODES = {
    _ALL: _("all categories"),
    _ONLY: _("only these categories"),
    _EXCEPT: _("all categories except these"),
}


class _FilterWidget(forms.MultiWidget):
    """What is shown and sent of a filter: its mode, and the names that it lists."""

    def decompress(self, value: Any) -> list[Any]:  # noqa: ANN401 - an initial value may be anything
        """The mode and the names of a filter; nothing is chosen if it is none."""
        f = _filter_or_none(value)
        if f is None:
            return [_UNSPECIFIED, []]
        if f.allows_unlisted:
            return [_EXCEPT if f.names else _ALL, sorted(f.names)]
        return [_ONLY, sorted(f.names)]

    def value_from_datadict(self, data: Mapping[str, Any], files: Any, name: str) -> list[Any]:  # noqa: ANN401 - Django passes it
        """The mode and the names that were sent."""
        mode, names = super().value_from_datadict(data, files, name)
        if not isinstance(names, list):  # of a form that was filled from JSON
            names = [] if names is None else [names]
        return [mode, [str(name) for name in cast("list[object]", names)]]

    def value_omitted_from_data(
        self,
        data: Mapping[str, Any],
        files: Any,  # noqa: ANN401, ARG002 - Django passes it
        name: str,
    ) -> bool:
        """Whether no mode was sent: a browser sends nothing of boxes that are not ticked."""
        return f"{name}_mode" not in data

    def use_required_attribute(self, initial: object) -> bool:  # noqa: ARG002 - Django passes it
        """Not `required`: a browser would want every single box ticked."""
        return False


class CategoryFilterWidget(_FilterWidget):
    """Radios (all, only these, all except these) and a checkbox a category.

    A name that the filter lists and the known set does not hold has a box too, so that saving
    does not drop it. The template is for Django's own template language.

    Args:
        categories: The known set; a field gives its own.
        attrs: As every widget takes them.
    """

    template_name = "category_filter/widget.html"

    class Media:
        """A style sheet that hides the boxes where they mean nothing."""

        css = {"all": ["category_filter/widget.css"]}

    def __init__(
        self, categories: Categories | None = None, attrs: dict[str, Any] | None = None
    ) -> None:
        self.categories = categories
        super().__init__(
            {"mode": forms.RadioSelect(), "names": forms.CheckboxSelectMultiple()}, attrs
        )

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:  # noqa: ANN401 - what was sent
        """What the template shows; an error belongs to the radios as a group."""
        if not isinstance(value, list):
            value = self.decompress(value)
        mode, names = cast("list[forms.RadioSelect]", self.widgets)
        mode.choices = [*_MODES.items()]
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


class _HiddenFilterWidget(_FilterWidget):
    """The same out of sight, for what a form carries along."""

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__({"mode": forms.HiddenInput(), "names": forms.MultipleHiddenInput()}, attrs)


class CategoryFilterField(forms.Field):
    """A field whose value is a filter; None if it may be left blank, and is.

    >>> from category_filter.navixy import CATEGORIES
    >>> field = CategoryFilterField(categories=CATEGORIES)
    >>> field.clean(["except", ["chat_message"]]), field.clean("history_rule")
    (CategoryFilter('-chat_message'), CategoryFilter('history_rule'))

    With a known set it shows the widget above, else, or with `widget=TextInput`, a text input,
    which has the browser check the text beforehand. What the initial filter lists may stay, though
    retired since.

    Args:
        categories: The known set.
        **options: What every field takes. `error_messages` may hold messages by our codes.

    Raises:
        ValidationError: From `clean`, as `validation_error` makes it.
    """

    default_error_messages = {
        "invalid": _("“%(value)s” is not a filter."),
        "invalid_choice": forms.ChoiceField.default_error_messages["invalid_choice"],
        "mode_missing": _("Choose whether the ticked categories are wanted or not."),
    }

    def __init__(self, *, categories: Categories | None = None, **options: Any) -> None:  # noqa: ANN401 - passed on
        self.categories = categories
        self.stored: CategoryFilter | None = None
        if categories is not None and not options.get("widget"):
            options["widget"] = CategoryFilterWidget
        super().__init__(**options)
        if isinstance(self.widget, CategoryFilterWidget):
            self.widget.categories = categories
            self.hidden_widget = _HiddenFilterWidget

    def get_bound_field(self, form: forms.BaseForm, field_name: str) -> BoundField:
        """The field in a form, whose initial filter it then knows, as a text input does."""
        bound = super().get_bound_field(form, field_name)
        self.stored = _filter_or_none(bound.initial)
        if self.categories is not None and isinstance(self.widget, forms.TextInput):
            self.widget.attrs |= browser_checks(self.categories, self.stored, gettext)
        return bound

    def to_python(self, value: Any) -> CategoryFilter | None:  # noqa: ANN401 - what was sent
        """The filter of a text, or of a mode and names."""
        try:
            f = self._compressed(value) if isinstance(value, list) else value
            if f is None or (isinstance(f, str) and not f.strip()):
                return None
            return parse(f, self.categories, stored=self.stored)
        except CategoryFilterError as error:
            raise validation_error(error, self.error_messages) from error
        except TypeError:
            raise self._error("invalid", cast("object", value)) from None

    def has_changed(self, initial: Any, data: Any) -> bool:  # noqa: ANN401 - likewise
        """Whether another filter is meant, however it is written."""
        if self.disabled:
            return False
        try:
            return self.to_python(data) != _filter_or_none(initial)
        except ValidationError:
            return True

    def _compressed(self, value: Any) -> CategoryFilter | None:  # noqa: ANN401 - likewise
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
                raise self._error("mode_missing", None)
            case [mode, [*_]]:
                raise self._error("invalid_choice", cast("object", mode))
            case _:  # of another widget
                raise self._error("invalid", value)

    def _error(self, code: str, value: object) -> ValidationError:
        return ValidationError(self.error_messages[code], code=code, params={"value": value})


def _filter_or_none(value: Any) -> CategoryFilter | None:  # noqa: ANN401 - an initial value may be anything
    try:
        return CategoryFilter(value)
    except (CategoryFilterError, TypeError):
        return None

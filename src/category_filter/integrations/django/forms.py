"""The form field, and the widget that needs no JavaScript."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from category_filter import Categories, CategoryFilter, CategoryFilterError
from category_filter.integrations._input import parse
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


class CategoryFilterWidget(forms.MultiWidget):
    """Radios (all, only these, all except these) and a checkbox a category.

    A name that the filter lists and the known set does not hold has a box too, so that saving
    does not drop it.

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

    def decompress(self, value: CategoryFilter | str | None) -> list[Any]:
        """The radio and the boxes of a filter."""
        if not value:
            return [_UNSPECIFIED, []]
        f = CategoryFilter(value)
        if f.allows_unlisted:
            return [_EXCEPT if f.names else _ALL, sorted(f.names)]
        return [_ONLY, sorted(f.names)]

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
            *labels.items(),
            *((name, _("%(name)s (no longer offered)") % {"name": name}) for name in retired),
        ]
        attrs = dict(attrs or {})
        invalid = attrs.pop("aria-invalid", None)
        context = super().get_context(name, value, attrs)
        context["widget"]["is_invalid"] = invalid is not None
        return context

    def value_from_datadict(self, data: Mapping[str, Any], files: Any, name: str) -> list[Any]:  # noqa: ANN401 - Django passes it
        """The radio and the boxes that were sent."""
        mode, names = super().value_from_datadict(data, files, name)
        return [mode, names or []]

    def value_omitted_from_data(
        self,
        data: Mapping[str, Any],
        files: Any,  # noqa: ANN401, ARG002 - Django passes it
        name: str,
    ) -> bool:
        """Whether no radio was sent: a browser sends nothing of boxes that are not ticked."""
        return f"{name}_mode" not in data

    def use_required_attribute(self, initial: object) -> bool:  # noqa: ARG002 - Django passes it
        """Not `required`: a browser would want every single box ticked."""
        return False


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

    def get_bound_field(self, form: forms.BaseForm, field_name: str) -> BoundField:
        """The field in a form, whose initial filter it then knows."""
        bound = super().get_bound_field(form, field_name)
        try:
            self.stored = CategoryFilter(bound.initial) if bound.initial else None
        except CategoryFilterError:
            self.stored = None
        return bound

    def widget_attrs(self, widget: forms.Widget) -> dict[str, Any]:
        """What a browser checks in a text input."""
        attrs = super().widget_attrs(widget)
        if self.categories is not None and isinstance(widget, forms.TextInput):
            attrs["pattern"] = self.categories.pattern
            attrs["title"] = _(
                "“*” for all, or names separated by commas, with one “-” in front for all but"
                " these: %(names)s"
            ) % {"names": ", ".join(self.categories)}
        return attrs

    def to_python(self, value: Any) -> CategoryFilter | None:  # noqa: ANN401 - what was sent
        """The filter of a text, or of a radio and boxes."""
        try:
            if isinstance(value, list):
                value = self._compressed(*cast("tuple[str | None, list[str]]", value))
            if value is None or (isinstance(value, str) and not value.strip()):
                return None
            return parse(value, self.categories, replacing=self.stored)
        except CategoryFilterError as error:
            raise validation_error(error, self.error_messages) from error

    def has_changed(self, initial: Any, data: Any) -> bool:  # noqa: ANN401 - likewise
        """Whether another filter is meant, however it is written."""
        if self.disabled:
            return False
        try:
            return self.to_python(data) != (CategoryFilter(initial) if initial else None)
        except (CategoryFilterError, ValidationError):
            return True

    def _compressed(self, mode: str | None, names: list[str]) -> CategoryFilter | None:
        match mode or _UNSPECIFIED:
            case "all":
                return CategoryFilter("*")
            case "only":
                return CategoryFilter.only(*names)
            case "except":
                return CategoryFilter.all_except(*names)
            case "" if names:
                raise ValidationError(self.error_messages["mode_missing"], code="mode_missing")
            case "":
                return None
            case _:
                raise ValidationError(
                    self.error_messages["invalid_choice"],
                    code="invalid_choice",
                    params={"value": mode},
                )

"""The widget: radio buttons and checkboxes, without JavaScript."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, cast

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from category_filter import Categories, CategoryFilter, CategoryFilterError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["CategoryFilterWidget", "HiddenFilterWidget", "try_parse"]

_ALL, _NONE, _ONLY, _EXCEPT, _UNSPECIFIED = "all", "none", "only", "except", ""

_MODE_LABELS = {
    _ALL: _("all categories"),
    _NONE: _("no categories"),
    _ONLY: _("only these categories"),
    _EXCEPT: _("all categories except these"),
}

_INPUT_ATTRS = ("disabled", "form")
"""Attributes that only have a meaning on inputs. All others belong to the group as a whole."""


class _FilterWidget(forms.Widget):
    """A filter as two inputs: its mode, and the names it lists."""

    def decompress(self, value: Any) -> list[Any]:
        """Return the mode and the names of a filter, or neither if it is invalid."""
        f = try_parse(value)
        if f is None:
            return [_UNSPECIFIED, []]
        if f.names:
            return [_EXCEPT if f.allows_unlisted else _ONLY, sorted(f.names)]
        return [_ALL if f.allows_unlisted else _NONE, []]

    def value_from_datadict(self, data: Mapping[str, Any], files: Any, name: str) -> list[Any]:
        get_names = getattr(data, "getlist", data.get)  # form data made from JSON is a dict
        names = get_names(f"{name}_names")
        if not isinstance(names, list):
            names = [] if names is None else [names]
        return [data.get(f"{name}_mode"), [str(name) for name in cast("list[object]", names)]]

    def value_omitted_from_data(self, data: Mapping[str, Any], files: Any, name: str) -> bool:
        """Return True if the mode is missing; browsers send nothing for unchecked checkboxes."""
        return f"{name}_mode" not in data

    def use_required_attribute(self, initial: object) -> bool:
        """Return False: `required` would make the browser insist on every checkbox."""
        return False


class CategoryFilterWidget(_FilterWidget):
    """Radio buttons for the mode (all, none, only these, all except these), and checkboxes.

    Labels that share a prefix before a colon and a space form a group: "Chat: mentions" and "Chat:
    replies" become "mentions" and "replies" under "Chat".

    Names outside the known set that the filter lists have a checkbox too, so that saving the form
    keeps them. A former name is shown as the name that replaced it.

    Args:
        categories: The known set; `CategoryFilterField` sets it.
        attrs: HTML attributes of the element around the inputs. `disabled` and `form` go to the
            inputs.
    """

    template_name = "category_filter/widget.html"
    use_fieldset = True

    class Media:
        """The style sheet, which hides the checkboxes unless the mode uses them."""

        css = {"all": ["category_filter/widget.css"]}

    def __init__(
        self, categories: Categories | None = None, attrs: dict[str, Any] | None = None
    ) -> None:
        self.categories = categories
        super().__init__(attrs)

    def id_for_label(self, id_: str) -> str:
        """Return no id, because a label for the whole widget labels no single input."""
        return ""

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        """Return the context of the template, which marks only the radio group as invalid."""
        context = super().get_context(name, value, attrs)
        widget = context["widget"]
        around: dict[str, Any] = widget["attrs"]
        around["class"] = f"category-filter {around.get('class', '')}".rstrip()
        of_inputs = {key: around.pop(key) for key in _INPUT_ATTRS if key in around}

        def options(select: type[forms.RadioSelect], part: str, choices: Any, value: Any) -> Any:
            ids = {"id": f"{around['id']}_{part}"} if "id" in around else {}
            inputs = select(choices=choices).get_context(f"{name}_{part}", value, of_inputs | ids)
            return inputs["widget"]["optgroups"]

        if not isinstance(value, list):
            value = self.decompress(value)
        mode, names = cast("list[Any]", value)
        listed = self._with_new_names(names)
        widget |= {
            "error_id": f"{around['id']}_error" if "id" in around else "",
            "is_invalid": around.pop("aria-invalid", None) is not None,
            "mode_legend": gettext("Deliver"),
            "modes": options(forms.RadioSelect, "mode", self._mode_choices(), mode),
            "names_legend": gettext("Categories"),
            "names": options(
                forms.CheckboxSelectMultiple, "names", [*self._name_choices(listed)], listed
            ),
        }
        return context

    def _with_new_names(self, names: list[str]) -> list[str]:
        renamed = self.categories.renamed if self.categories else dict[str, str]()
        return [*dict.fromkeys(renamed.get(name, name) for name in names)]

    def _mode_choices(self) -> Iterator[tuple[str, Any]]:
        if not self.is_required:
            yield _UNSPECIFIED, _("not specified")
        yield from _MODE_LABELS.items()

    def _name_choices(self, listed: list[str]) -> Iterator[tuple[str, Any]]:
        """Yield a choice for each category, in groups if labels share a prefix."""
        known = self.categories.labels if self.categories else dict[str, str]()
        labels = {name: gettext(label) for name, label in known.items()}
        sizes = Counter(label.partition(": ")[0] for label in labels.values() if ": " in label)
        groups: dict[str, list[tuple[str, str]]] = {}
        for name, label in labels.items():
            prefix, _colon, rest = label.partition(": ")
            if sizes[prefix] > 1:
                groups.setdefault(prefix, []).append((name, rest))
            else:
                yield name, label
        for name in listed:
            if name not in labels:
                yield name, gettext("%(name)s (no longer offered)") % {"name": name}
        yield from groups.items()


class HiddenFilterWidget(_FilterWidget, forms.MultiWidget):
    """The same two inputs, hidden."""

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__({"mode": forms.HiddenInput(), "names": forms.MultipleHiddenInput()}, attrs)


def try_parse(value: Any) -> CategoryFilter | None:
    """Return a filter, or None if the value is not a valid one."""
    try:
        return CategoryFilter(value)
    except (CategoryFilterError, TypeError):
        return None

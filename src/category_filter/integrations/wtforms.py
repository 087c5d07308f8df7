"""A field for forms by WTForms, and so by Flask-WTF."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wtforms import Field
from wtforms.widgets import TextInput

from category_filter import CategoryFilterError
from category_filter.integrations._validation import browser_checks, parse

if TYPE_CHECKING:
    from category_filter import Categories, CategoryFilter

__all__ = ["CategoryFilterField"]


class CategoryFilterField(Field):
    """A text input whose data is a filter.

    >>> from category_filter.navixy import CATEGORIES
    >>> from werkzeug.datastructures import MultiDict
    >>> from wtforms import Form
    >>> class Subscription(Form):
    ...     wanted = CategoryFilterField("Notifications", categories=CATEGORIES, default="*")
    >>> Subscription(MultiDict([("wanted", "- chat_message")])).wanted.data
    CategoryFilter('-chat_message')
    >>> form = Subscription(MultiDict([("wanted", "chat_message,,history_rule")]))
    >>> form.validate(), form.errors
    (False, {'wanted': ["expected a name before ','; did you mean 'chat_message,history_rule'?"]})

    Nothing in the input is None; add the validator `Optional` to allow it. What a person typed
    stays in the input, and what the form's object lists may stay, though retired since. A browser
    refuses what the pattern does not match, before it is sent.

    Args:
        label: As every field takes it.
        validators: Likewise.
        categories: The known set, if names are to be checked.
        **options: What every field takes.

    Attributes:
        refusal: The `CategoryFilterError` that `errors` tells of, with its code, position and
            repair, or None.
    """

    widget = TextInput()

    def __init__(
        self,
        label: str | None = None,
        validators: Any = None,  # noqa: ANN401 - passed on
        *,
        categories: Categories | None = None,
        **options: Any,  # noqa: ANN401 - likewise
    ) -> None:
        super().__init__(label, validators, **options)
        self.categories = categories
        self.refusal: CategoryFilterError | None = None
        self._own_attributes = dict(self.render_kw or {})

    def process_data(self, value: CategoryFilter | str | None) -> None:
        """Take what the form's object holds, or the default."""
        self.data = self.refusal = None
        if value is not None:
            self.data = self._parsed(value, None)
        if self.categories is not None:
            checks = browser_checks(self.categories, self.data, self.gettext)
            self.flags.pattern = checks["pattern"]
            self.render_kw = {"title": checks["title"], **self._own_attributes}

    def process_formdata(self, valuelist: list[str]) -> None:
        """Take what was typed; what a form does not send stays as it was."""
        if not valuelist:
            return
        stored, self.data = self.data, None
        self.data = self._parsed(valuelist[0], self.categories, stored)

    def _parsed(
        self,
        value: CategoryFilter | str,
        categories: Categories | None,
        stored: CategoryFilter | None = None,
    ) -> CategoryFilter:
        try:
            return parse(value, categories, stored=stored)
        except CategoryFilterError as error:
            self.refusal = error
            raise ValueError(error.summary(self.gettext)) from error
        except TypeError:  # of a form that was filled from JSON
            raise ValueError(self.gettext("Not a valid string.")) from None

    def _value(self) -> str:
        if self.raw_data:
            return str(self.raw_data[0])
        return "" if self.data is None else str(self.data)

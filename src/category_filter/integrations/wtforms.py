"""A form field for WTForms and Flask-WTF."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from category_filter import CategoryFilterError
from category_filter._extras import requires
from category_filter.integrations._validation import browser_checks, parse

with requires("wtforms"):
    from wtforms import Field
    from wtforms.validators import Length, Regexp
    from wtforms.widgets import TextInput

if TYPE_CHECKING:
    from wtforms.form import BaseForm

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

    An empty input is an error; add the `Optional` validator to accept it as None. After an error,
    the input shows what the user typed. Names listed by the form's object stay valid, even if
    retired since. With `categories`, the browser validates the input before it sends the form.
    The validators `Length` and `Regexp` check what the user typed.

    Args:
        label: Passed to `wtforms.Field`.
        validators: Passed to `wtforms.Field`.
        categories: The known set, to validate names.
        **options: Passed to `wtforms.Field`.

    Attributes:
        filter_error: The `CategoryFilterError` behind the message in `errors`, or None.
    """

    widget = TextInput()

    def __init__(
        self,
        label: str | None = None,
        validators: Any = None,
        *,
        categories: Categories | None = None,
        **options: Any,
    ) -> None:
        super().__init__(label, validators, **options)
        self.categories = categories
        self.filter_error: CategoryFilterError | None = None
        self._given_render_kw = dict(self.render_kw or {})
        self.validators = [
            _TextValidator(check) if isinstance(check, Length | Regexp) else check
            for check in self.validators
        ]

    def process_data(self, value: CategoryFilter | str | None) -> None:
        self.data = self.filter_error = None
        if value is not None:
            self.data = self._parse(value, None)
        if self.categories is not None:
            checks = browser_checks(self.categories, self.data, self.gettext)
            self.flags.pattern = checks["pattern"]
            self.render_kw = {"title": checks["title"], **self._given_render_kw}

    def process_formdata(self, valuelist: list[str]) -> None:
        if not valuelist:
            return
        stored, self.data = self.data, None
        self.data = self._parse(valuelist[0], self.categories, stored)

    def _parse(
        self,
        value: CategoryFilter | str,
        categories: Categories | None,
        stored: CategoryFilter | None = None,
    ) -> CategoryFilter:
        try:
            return parse(value, categories, stored=stored)
        except CategoryFilterError as error:
            self.filter_error = error
            raise ValueError(error.summary(self.gettext)) from error
        except TypeError:  # form data from JSON
            raise ValueError(self.gettext("Not a valid string.")) from None

    def _value(self) -> str:
        if self.raw_data:
            return str(self.raw_data[0])
        return "" if self.data is None else str(self.data)


class _TextValidator:
    """A validator of the text that the input shows, not of the filter."""

    def __init__(self, validate: Length | Regexp) -> None:
        self.validate = validate

    def __call__(self, form: BaseForm, field: CategoryFilterField) -> None:
        text: Any = object.__new__(type(field))  # `copy` would create an unbound field
        vars(text).update(vars(field), data=field._value())  # noqa: SLF001 - public to widgets
        self.validate(form, text)

"""A schema field for marshmallow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from category_filter import CategoryFilter, CategoryFilterError
from category_filter._extras import requires
from category_filter.integrations._validation import parse

with requires("marshmallow"):
    from marshmallow import ValidationError, fields, validate

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Self

    from category_filter import Categories

    Field = fields.Field[CategoryFilter]
else:
    Field = fields.Field  # generic only since marshmallow 4

__all__ = ["CategoryFilterField", "ErrorMessage"]


class CategoryFilterField(Field):
    """A field that loads strings as filters, and dumps filters in canonical form.

    >>> from category_filter.navixy import CATEGORIES
    >>> from marshmallow import Schema
    >>> class Subscription(Schema):
    ...     wanted = CategoryFilterField(CATEGORIES, load_default=CategoryFilter("*"))
    >>> Subscription().load({"wanted": "- chat_message"})
    {'wanted': CategoryFilter('-chat_message')}
    >>> Subscription().validate({"wanted": "chat_message;history_rule"})
    {'wanted': ["write ',' instead of ';'; did you mean 'chat_message,history_rule'?"]}

    To replace a message, add it to `error_messages` under the error's code. It may use the
    attributes and the `params()` of the error as placeholders: `"{character} at {position}"`.
    `validate.Length` and `validate.Regexp` validate the canonical form.

    Args:
        categories: The known set, to validate strings. `CategoryFilter` objects are not validated.
        **options: Passed to `marshmallow.fields.Field`.

    Raises:
        ValidationError: From `load`, if the value is not a valid filter. Its messages are
            `ErrorMessage` strings, except those you replaced.
    """

    default_error_messages: dict[str, Any] = {"invalid": "Not a valid string."}

    def __init__(self, categories: Categories | None = None, **options: Any) -> None:
        self.categories = categories
        default = options.get("load_default")
        if isinstance(default, str):
            options["load_default"] = parse(default, categories)
        elif callable(default):
            options["load_default"] = lambda: self._parse_default(default())
        # apispec, and so APIFlask and flask-smorest, describes the field by its metadata.
        options["metadata"] = {"type": "string", **options.get("metadata", {})}
        super().__init__(**options)

    def _parse_default(self, default: object) -> object:
        return parse(default, self.categories) if isinstance(default, str) else default

    @property
    def _validate_all(self) -> Callable[[Any], None]:
        return validate.And(*map(_of_canonical_form, self.validators))

    def _serialize(
        self, value: CategoryFilter | str | None, attr: str | None, obj: object, **options: object
    ) -> str | None:
        return None if value is None else str(CategoryFilter(value))

    def _deserialize(
        self, value: object, attr: str | None, data: object, **options: object
    ) -> CategoryFilter:
        if isinstance(value, CategoryFilter):
            return value
        if not isinstance(value, str):
            raise self.make_error("invalid")
        try:
            return parse(value, self.categories)
        except CategoryFilterError as error:
            if error.code in self.error_messages:
                raise self.make_error(error.code, **error.params(), **vars(error)) from error
            raise ValidationError(ErrorMessage(error.summary(), error)) from error


def _of_canonical_form(check: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return a validator of filters, which have no length themselves."""
    if isinstance(check, validate.Length | validate.Regexp):
        return lambda f: check(str(f))
    return check


class ErrorMessage(str):
    """A message string that carries the underlying error.

    Attributes:
        error: The `CategoryFilterError`, with its code, position and suggestions.
    """

    __slots__ = ("error",)

    error: CategoryFilterError

    def __new__(cls, message: str, error: CategoryFilterError) -> Self:
        self = super().__new__(cls, message)
        self.error = error
        return self

    def __getnewargs__(self) -> tuple[str, CategoryFilterError]:  # type: ignore[override]
        return str(self), self.error

"""A field for schemas by marshmallow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from marshmallow import ValidationError, fields

from category_filter import CategoryFilter, CategoryFilterError
from category_filter.integrations._validation import parse

if TYPE_CHECKING:
    from typing import Self

    from category_filter import Categories

    Field = fields.Field[CategoryFilter]
else:
    Field = fields.Field  # generic since 4 only

__all__ = ["CategoryFilterField", "Explanation"]


class CategoryFilterField(Field):
    """A field that loads texts as filters, and dumps filters as canonical texts.

    >>> from category_filter.navixy import CATEGORIES
    >>> from marshmallow import Schema
    >>> class Subscription(Schema):
    ...     wanted = CategoryFilterField(CATEGORIES, load_default=CategoryFilter("*"))
    >>> Subscription().load({"wanted": "- chat_message"})
    {'wanted': CategoryFilter('-chat_message')}
    >>> Subscription().validate({"wanted": "chat_message;history_rule"})
    {'wanted': ["write ',' instead of ';'; did you mean 'chat_message,history_rule'?"]}

    A message of your own for a mistake goes into `error_messages` under its code, to be formatted
    with the attributes of the error, and with what fills our own message.

    Args:
        categories: The known set, if names are to be checked.
        **options: What every field takes.

    Raises:
        ValidationError: A text is no filter; each message is an `Explanation`.
    """

    default_error_messages: dict[str, Any] = {"invalid": "Not a valid string."}  # noqa: RUF012 - as in the base

    def __init__(self, categories: Categories | None = None, **options: Any) -> None:  # noqa: ANN401 - passed on
        self.categories = categories
        if isinstance(options.get("load_default"), str):
            options["load_default"] = parse(options["load_default"], categories)
        super().__init__(**options)

    def _serialize(
        self,
        value: CategoryFilter | str | None,
        attr: str | None,  # noqa: ARG002 - marshmallow passes it
        obj: object,  # noqa: ARG002 - likewise
        **options: object,  # noqa: ARG002 - likewise
    ) -> str | None:
        return None if value is None else str(CategoryFilter(value))

    def _deserialize(
        self,
        value: object,
        attr: str | None,  # noqa: ARG002 - likewise
        data: object,  # noqa: ARG002 - likewise
        **options: object,  # noqa: ARG002 - likewise
    ) -> CategoryFilter:
        if not isinstance(value, str | CategoryFilter):
            raise self.make_error("invalid")
        try:
            return parse(value, self.categories)
        except CategoryFilterError as error:
            if error.code in self.error_messages:
                raise self.make_error(error.code, **error.params(), **vars(error)) from error
            raise ValidationError(Explanation(error.summary(), error)) from error


class Explanation(str):
    """A message, as marshmallow collects them, that knows its error.

    Attributes:
        error: The `CategoryFilterError`, with its code, position and repair.
    """

    __slots__ = ("error",)

    error: CategoryFilterError

    def __new__(cls, message: str, error: CategoryFilterError) -> Self:  # noqa: D102 - as str
        self = super().__new__(cls, message)
        self.error = error
        return self

    def __getnewargs__(self) -> tuple[str, CategoryFilterError]:  # type: ignore[override]
        return str(self), self.error

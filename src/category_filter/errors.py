"""The errors: structured data first, and a message that says what to fix."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, NamedTuple

from category_filter._messages import INDENT, MESSAGES, did_you_mean, excerpt, quote

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = [
    "MESSAGES",
    "CategoryFilterError",
    "FilterSyntaxError",
    "SyntaxErrorCode",
    "UnknownCategoryError",
    "UnknownName",
]

SyntaxErrorCode = Literal[
    "empty",
    "missing_name",
    "star_in_list",
    "misplaced_minus",
    "missing_comma",
    "lookalike",
    "invisible_character",
    "invalid_character",
    "too_long",
]
"""The stable codes of `FilterSyntaxError`."""

_NO_PARAMS: Mapping[str, str] = MappingProxyType({})

_MAX_LISTED = 10
"""Number of unknown names in a message; `error.unknown` holds all of them."""


class CategoryFilterError(ValueError):
    """The base class of every error this library raises for an invalid filter.

    >>> from category_filter import CategoryFilter
    >>> try:
    ...     CategoryFilter("a,,b")
    ... except CategoryFilterError as error:
    ...     print(error.message)
    expected a name before ','

    Attributes:
        code: A stable identifier of the error.
        message_key: The key of the message in `MESSAGES`; stable too, and sometimes finer than
            the code.
        message: The error in one line.
        text: The rejected string.
        position: The 0-based index in `text` of the first offending character.
    """

    code: str
    message_key: str
    message: str
    text: str
    position: int
    _params: Mapping[str, str]

    def summary(self, gettext: Callable[[str], str] = str) -> str:
        """Return the message and the suggestion in one line. Pass `gettext` to localize it.

        >>> from category_filter import CategoryFilter
        >>> try:
        ...     CategoryFilter("news;sport")
        ... except CategoryFilterError as error:
        ...     print(error.summary())
        write ',' instead of ';'; did you mean 'news,sport'?

        Args:
            gettext: A function that translates a template of `MESSAGES`, such as Django's
                `gettext`.
        """
        return gettext(MESSAGES[self.message_key]) % self.params(gettext)

    def params(self, gettext: Callable[[str], str] = str) -> Mapping[str, str]:  # noqa: ARG002 - `UnknownCategoryError` translates its params
        """Return the values for the message template, for a template of your own."""
        return self._params

    def __reduce__(self) -> tuple[object, ...]:
        return _unpickle, (type(self), self.args, vars(self))


def _unpickle(
    cls: type[CategoryFilterError], args: tuple[str], attributes: dict[str, object]
) -> CategoryFilterError:
    """Restore an error without calling its constructor, whose signature may change."""
    error = cls.__new__(cls, *args)
    vars(error).update(attributes)
    return error


class FilterSyntaxError(CategoryFilterError):
    """An invalid filter, with the position of the error and, when unambiguous, a suggestion.

    >>> from category_filter import CategoryFilter
    >>> CategoryFilter("news;sport")
    Traceback (most recent call last):
        ...
    category_filter.errors.FilterSyntaxError: write ',' instead of ';'
        news;sport
            ^
    did you mean 'news,sport'?

    Attributes:
        code: One of `SyntaxErrorCode`.
        position: The 0-based index in `text`, or `len(text)` if the text ends too soon.
        suggestion: A valid filter with the same names in the same order, or None if the intent is
            ambiguous.
    """

    code: SyntaxErrorCode

    def __init__(  # noqa: PLR0913 - keyword-only: each is an attribute
        self,
        message_key: str,
        *,
        text: str,
        code: SyntaxErrorCode,
        position: int,
        suggestion: str | None = None,
        params: Mapping[str, str] = _NO_PARAMS,
    ) -> None:
        self.message_key = message_key
        self.text = text
        # Narrower than in the base class, which is safe as long as callers only read it.
        self.code = code  # pyright: ignore[reportIncompatibleVariableOverride]
        self.position = position
        self.suggestion = suggestion
        self._params = dict(params)
        self.message = super().summary()
        lines = [self.message, *excerpt(text, position)]
        if suggestion is not None:
            lines.append(did_you_mean([suggestion]))
        super().__init__("\n".join(lines))

    def summary(self, gettext: Callable[[str], str] = str) -> str:  # noqa: D102 - inherited
        message = super().summary(gettext)
        if self.suggestion is None:
            return message
        question = did_you_mean([self.suggestion], gettext)
        return gettext(MESSAGES["with_suggestion"]) % {"message": message, "question": question}


class UnknownName(NamedTuple):
    """A listed name that is not in the known set.

    >>> from category_filter.navixy import CATEGORIES
    >>> try:
    ...     CATEGORIES.parse("history_rule, chat_mesage")
    ... except UnknownCategoryError as error:
    ...     print(error.unknown[0])
    UnknownName(name='chat_mesage', position=14, suggestions=('chat_message',))
    """

    name: str
    position: int
    """The 0-based index in the text of the name's first occurrence."""
    suggestions: tuple[str, ...]
    """Up to three known names within one edit, the closest first."""


class UnknownCategoryError(CategoryFilterError):
    """A valid filter that lists names outside the known set.

    >>> from category_filter.navixy import CATEGORIES
    >>> CATEGORIES.parse("-chat_mesage,history_rule")
    Traceback (most recent call last):
        ...
    category_filter.errors.UnknownCategoryError: unknown category:
        'chat_mesage' at 1: did you mean 'chat_message'?

    Attributes:
        unknown: Every unknown name, with its position and suggestions.
        allows_unlisted: Whether the filter is an exclude list.
    """

    def __init__(self, *, text: str, allows_unlisted: bool, unknown: Sequence[UnknownName]) -> None:
        self.text = text
        self.code = "unknown_category"
        self.allows_unlisted = allows_unlisted
        self.unknown = tuple(unknown)
        self.position = self.unknown[0].position
        count = len(self.unknown)
        self.message_key = "unknown_category" if count == 1 else "unknown_categories"
        self.message = self.summary()
        lines = ["unknown category:" if count == 1 else f"{count:,} unknown categories:"]
        for name, position, suggestions in self.unknown[:_MAX_LISTED]:
            hint = f": {did_you_mean(suggestions)}" if suggestions else ""
            lines.append(f"{INDENT}{quote(name)} at {position}{hint}")
        if count > _MAX_LISTED:
            lines.append(f"{INDENT}and {count - _MAX_LISTED:,} more")
        super().__init__("\n".join(lines))

    def params(self, gettext: Callable[[str], str] = str) -> Mapping[str, str]:  # noqa: D102 - inherited
        listed: list[str] = []
        for name, _, suggestions in self.unknown[:_MAX_LISTED]:
            listed.append(quote(name))
            if suggestions:
                listed[-1] = gettext(MESSAGES["name_with_suggestion"]) % {
                    "name": listed[-1],
                    "question": did_you_mean(suggestions, gettext),
                }
        names = ", ".join(listed)
        if more := len(self.unknown[_MAX_LISTED:]):
            names = gettext(MESSAGES["and_more"]) % {"names": names, "count": f"{more:,}"}
        return {"names": names, "count": f"{len(self.unknown):,}"}

"""What can go wrong: data first, then one message that a person can act on.

Every sentence is a template of `MESSAGES`, so that an application that speaks another language
than English translates it whole, and fills it in afterwards.
"""

from __future__ import annotations

import unicodedata
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

__all__ = [
    "MESSAGES",
    "CategoryFilterError",
    "FilterSyntaxError",
    "MistakeCode",
    "UnknownCategoryError",
    "UnknownName",
]

MistakeCode = Literal[
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

MESSAGES = {
    "empty": "the filter is empty: '*' stands for every category, '-*' for none",
    "missing_name": "a name is missing before ','",
    "missing_name_at_the_end": "a name is missing after %(character)s",
    "star_in_list": "'*' means every category and stands alone, never in a list or a name",
    "misplaced_minus": "'-' goes once, before the whole list, and excludes every name in it",
    "missing_comma": "a comma is missing before this name",
    "lookalike": "write %(replacement)s instead of %(character)s",
    "invisible_character": "%(character)s cannot be seen, and does not belong in a filter",
    "invalid_character": (
        "%(character)s cannot be in a name, which is made of A-Z a-z 0-9 _ . : / -"
    ),
    "invalid_first_character": "a name cannot begin with %(character)s",
    "line_break": "a line break can only stand at either end",
    "empty_name": "the name is empty",
    "too_long": "a filter has at most 65,536 characters",
    "unknown_category": "unknown category %(names)s: its messages will never arrive",
    "unknown_category_excluded": "unknown category %(names)s: its messages will not be stopped",
    "unknown_categories": (
        "%(count)s unknown categories %(names)s: their messages will never arrive"
    ),
    "unknown_categories_excluded": (
        "%(count)s unknown categories %(names)s: their messages will not be stopped"
    ),
    "misspelt": "%(name)s (%(question)s)",
    "and_more": "%(names)s and %(count)s more",
    "did_you_mean": "did you mean %(choices)s?",
    "or": "%(choices)s or %(last)s",
    "with_repair": "%(message)s; %(question)s",
    "forms": "'*', or names with commas between them, or all but these after one '-': %(names)s",
}
"""Every sentence, as a template for `%` with a mapping; the keys are stable, the words are not."""

_NOTHING: Mapping[str, str] = MappingProxyType({})
_INDENT = "    "
_COLUMNS = 35
"""What an excerpt shows on either side of its caret, so that it fits a line of 80 columns."""

_PASTEABLE = 1_000
"""What a message shows of a repair, in characters: enough to be copied from it."""

_STRAY_BYTES = range(0xDC80, 0xDD00)
"""The characters that stand for bytes which could not be decoded: Python's `surrogateescape`."""

_LISTED = 10
"""How many unknown names a message lists; the data hold every one."""


class CategoryFilterError(ValueError):
    """Any refusal by this library; catch it to catch every one of them.

    >>> from category_filter import CategoryFilter
    >>> try:
    ...     CategoryFilter("a,,b")
    ... except CategoryFilterError as error:
    ...     print(error.message)
    a name is missing before ','

    Attributes:
        code: What went wrong, in a stable word for programs.
        reason: The key in `MESSAGES` of what went wrong: as stable, and at times finer.
        message: What went wrong, in one line for people.
        text: The text that was refused.
        position: Where in it: the 0-based index of the first offending character.
    """

    code: str
    reason: str
    message: str
    text: str
    position: int
    _params: Mapping[str, str]

    def explained(self, gettext: Callable[[str], str] = str) -> str:
        """What went wrong, and what was probably meant: in one line, and in any language.

        >>> from category_filter import CategoryFilter
        >>> try:
        ...     CategoryFilter("news;sport")
        ... except CategoryFilterError as error:
        ...     print(error.explained())
        write ',' instead of ';'; did you mean 'news,sport'?

        Args:
            gettext: What translates a template of `MESSAGES`, such as Django's `gettext`.
        """
        return gettext(MESSAGES[self.reason]) % self.params(gettext)

    def params(self, gettext: Callable[[str], str] = str) -> Mapping[str, str]:  # noqa: ARG002 - some errors need it
        """What fills the template of the message, for those who write their own."""
        return self._params

    def __reduce__(self) -> tuple[object, ...]:
        return _restored, (type(self), self.args, vars(self))


def _restored(
    kind: type[CategoryFilterError], args: tuple[str], data: dict[str, object]
) -> CategoryFilterError:
    """The error that a pickle holds, whatever has become of its constructor since."""
    error = kind.__new__(kind, *args)
    vars(error).update(data)
    return error


class FilterSyntaxError(CategoryFilterError):
    """A text that is no filter, with the place of the mistake and, if certain, its repair.

    >>> from category_filter import CategoryFilter
    >>> CategoryFilter("news;sport")
    Traceback (most recent call last):
        ...
    category_filter.errors.FilterSyntaxError: write ',' instead of ';'
        news;sport
            ^
    did you mean 'news,sport'?

    Attributes:
        code: One of `MistakeCode`.
        position: Where in `text`; `len(text)` where it ends too soon.
        suggestion: A corrected text that parses, with the names and their order kept, or None
            where the intent is not certain.
    """

    code: MistakeCode

    def __init__(  # noqa: PLR0913 - an error is its data
        self,
        reason: str,
        *,
        text: str,
        code: MistakeCode,
        position: int,
        suggestion: str | None = None,
        params: Mapping[str, str] = _NOTHING,
    ) -> None:
        self.reason = reason
        self.text = text
        # Narrower than in the base class, which is safe: nobody sets it.
        self.code = code  # pyright: ignore[reportIncompatibleVariableOverride]
        self.position = position
        self.suggestion = suggestion
        self._params = dict(params)
        self.message = super().explained()
        lines = [self.message, *_excerpt(text, position)]
        if suggestion is not None:
            lines.append(did_you_mean([suggestion]))
        super().__init__("\n".join(lines))

    def explained(self, gettext: Callable[[str], str] = str) -> str:  # noqa: D102 - as in the base
        message = super().explained(gettext)
        if self.suggestion is None:
            return message
        question = did_you_mean([self.suggestion], gettext)
        return gettext(MESSAGES["with_repair"]) % {"message": message, "question": question}


class UnknownName(NamedTuple):
    """One name that a filter lists and the known set does not hold.

    >>> from category_filter.navixy import CATEGORIES
    >>> try:
    ...     CATEGORIES.parse("history_rule, chat_mesage")
    ... except UnknownCategoryError as error:
    ...     print(error.unknown[0])
    UnknownName(name='chat_mesage', position=14, close=('chat_message',))
    """

    name: str
    position: int
    """The 0-based index in the text at which the name stands first."""
    close: tuple[str, ...]
    """Up to three known names that are spelled almost alike, the closest first."""


class UnknownCategoryError(CategoryFilterError):
    """A good filter that lists names outside the known set.

    >>> from category_filter.navixy import CATEGORIES
    >>> CATEGORIES.parse("-chat_mesage,history_rule")
    Traceback (most recent call last):
        ...
    category_filter.errors.UnknownCategoryError: unknown category: its messages will not be stopped
        'chat_mesage' at 1: did you mean 'chat_message'?

    Attributes:
        unknown: Every unknown name, with its position and the known names close to it.
        allows_unlisted: The filter's flag, which decides what an unknown name does.
    """

    def __init__(self, *, text: str, allows_unlisted: bool, unknown: Sequence[UnknownName]) -> None:
        self.text = text
        self.code = "unknown_category"
        self.allows_unlisted = allows_unlisted
        self.unknown = tuple(unknown)
        self.position = self.unknown[0].position
        self.reason = "unknown_category" if len(self.unknown) == 1 else "unknown_categories"
        if allows_unlisted:
            self.reason += "_excluded"
        self.message = self.explained()
        lines = [MESSAGES[self.reason].replace(" %(names)s", "") % self.params()]
        for name, where, close in self.unknown[:_LISTED]:
            lines.append(
                f"{_INDENT}{quoted(name)} at {where}"
                + (f": {did_you_mean(close)}" if close else "")
            )
        if more := len(self.unknown[_LISTED:]):
            lines.append(f"{_INDENT}and {more:,} more")
        super().__init__("\n".join(lines))

    def params(self, gettext: Callable[[str], str] = str) -> Mapping[str, str]:  # noqa: D102 - as in the base
        listed: list[str] = []
        for name, _, close in self.unknown[:_LISTED]:
            listed.append(quoted(name))
            if close:
                listed[-1] = gettext(MESSAGES["misspelt"]) % {
                    "name": listed[-1],
                    "question": did_you_mean(close, gettext),
                }
        names = ", ".join(listed)
        if more := len(self.unknown[_LISTED:]):
            names = gettext(MESSAGES["and_more"]) % {"names": names, "count": f"{more:,}"}
        return {"names": names, "count": f"{len(self.unknown):,}"}


def did_you_mean(choices: Sequence[str], gettext: Callable[[str], str] = str) -> str:
    """The question that offers a repair.

    >>> did_you_mean(["news", "views", "dues"])
    "did you mean 'news', 'views' or 'dues'?"
    """
    *others, last = (quoted(choice, _PASTEABLE) for choice in choices)
    if others:
        last = gettext(MESSAGES["or"]) % {"choices": ", ".join(others), "last": last}
    return gettext(MESSAGES["did_you_mean"]) % {"choices": last}


def quoted(text: str, columns: int = 2 * _COLUMNS) -> str:
    r"""A piece of a filter in quotes, escaped, and cut where it is long.

    >>> quoted("caf\u00e9")
    "'caf\\xe9'"
    """
    return f"'{''.join(_fitting(text, columns))}'"


def described(char: str) -> str:
    r"""A character by its look and, beyond ASCII, by its name, so that none passes for another.

    >>> described("\u200b")
    "'\\u200b' (U+200B ZERO WIDTH SPACE)"
    """
    if char.isascii() and char.isprintable():
        return f"'{char}'"
    if ord(char) in _STRAY_BYTES:
        return f"the byte 0x{ord(char) & 0xFF:02X}, which is no UTF-8,"
    # A combining mark would merge with the quote in front of it.
    readable = char.isprintable() and not unicodedata.category(char).startswith("M")
    name = f"U+{ord(char):04X} {unicodedata.name(char, '')}".rstrip()
    return f"'{char if readable else _escaped(char)}' ({name})"


def _excerpt(text: str, position: int) -> tuple[str, str]:
    """The text around a position, and a line with a caret below it."""
    before = text[max(0, position - _COLUMNS - 1) : position]
    left = "".join(reversed(_fitting(reversed(before), _COLUMNS)))
    right = "".join(_fitting(text[position : position + _COLUMNS + 1], _COLUMNS))
    return f"{_INDENT}{left}{right}", f"{_INDENT}{' ' * len(left)}^"


def _fitting(chars: Iterable[str], columns: int) -> list[str]:
    """The escaped characters that fit, with an ellipsis for those that do not."""
    pieces: list[str] = []
    for piece in map(_escaped, chars):
        columns -= len(piece)
        if columns < 0:
            return [*pieces, "..."]
        pieces.append(piece)
    return pieces


def _escaped(char: str) -> str:
    """A printable ASCII character as it is, any other as Python would write it."""
    if char.isascii() and char.isprintable():
        return char
    return char.encode("unicode_escape").decode("ascii")

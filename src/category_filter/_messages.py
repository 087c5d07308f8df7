"""The error messages, and the helpers that fill them in.

Every sentence is a `%` template in `MESSAGES`, so an application can translate it as a whole before
the values go in.
"""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

__all__ = ["INDENT", "MESSAGES", "counted", "describe_char", "did_you_mean", "excerpt", "quote"]

MESSAGES = {
    "empty": "the filter is empty: use '*' for every category, '-*' for none",
    "missing_name": "expected a name before ','",
    "missing_name_at_end": "expected a name after %(character)s",
    "star_in_list": "'*' cannot be combined with names",
    "misplaced_minus": "write '-' once, before the whole list",
    "missing_comma": "expected a comma before this name",
    "lookalike": "write %(replacement)s instead of %(character)s",
    "invisible_character": "invisible character %(character)s",
    "invalid_character": "invalid character %(character)s: names use A-Z a-z 0-9 _ . : / -",
    "invalid_first_character": "a name cannot start with %(character)s",
    "invalid_byte": "byte %(byte)s is not valid UTF-8",
    "line_break": "line breaks are only allowed at either end",
    "empty_name": "the name is empty",
    "too_long": "a filter has at most 65,536 characters",
    "unknown_category": "unknown category %(names)s",
    "unknown_categories": "%(count)s unknown categories: %(names)s",
    "name_with_suggestion": "%(name)s (%(question)s)",
    "and_more": "%(names)s and %(count)s more",
    "did_you_mean": "did you mean %(choices)s?",
    "or": "%(choices)s or %(last)s",
    "with_suggestion": "%(message)s; %(question)s",
    "forms": "'*', or a comma-separated list ('-' in front excludes it) of: %(names)s",
}
"""Templates for `%` with a mapping. The keys are stable; the wording is not."""

INDENT = "    "

_EXCERPT_WIDTH = 35
"""Columns on either side of the caret, so that an excerpt fits in 80 columns."""

_SUGGESTION_WIDTH = 1_000
"""Maximum length of a suggestion in a message, in characters."""


def did_you_mean(choices: Sequence[str], gettext: Callable[[str], str] = str) -> str:
    """Return the question that offers one or more suggestions.

    >>> did_you_mean(["news", "views", "dues"])
    "did you mean 'news', 'views' or 'dues'?"
    """
    *others, last = (quote(choice, _SUGGESTION_WIDTH) for choice in choices)
    if others:
        last = gettext(MESSAGES["or"]) % {"choices": ", ".join(others), "last": last}
    return gettext(MESSAGES["did_you_mean"]) % {"choices": last}


def counted(count: int, noun: str) -> str:
    """Return a count with its noun.

    >>> counted(1, "line"), counted(2_000, "line")
    ('1 line', '2,000 lines')
    """
    return f"{count:,} {noun}{'s' * (count != 1)}"


def quote(text: str, columns: int = 2 * _EXCERPT_WIDTH) -> str:
    r"""Return part of a filter in quotes, escaped and truncated.

    >>> quote("caf\u00e9")
    "'caf\\xe9'"
    """
    return f"'{''.join(_truncate(text, columns))}'"


def describe_char(char: str) -> str:
    r"""Return a character with its Unicode name, which tells it apart from those that look alike.

    >>> describe_char("\u200b")
    "'\\u200b' (U+200B ZERO WIDTH SPACE)"
    """
    if char.isascii() and char.isprintable():
        return f"'{char}'"
    # A combining mark would merge with the quote in front of it.
    readable = char.isprintable() and not unicodedata.category(char).startswith("M")
    name = f"U+{ord(char):04X} {unicodedata.name(char, '')}".rstrip()
    return f"'{char if readable else _escape(char)}' ({name})"


def excerpt(text: str, position: int) -> tuple[str, str]:
    """Return the text around a position, and a line with a caret below that position."""
    before = text[max(0, position - _EXCERPT_WIDTH - 1) : position]
    left = "".join(reversed(_truncate(reversed(before), _EXCERPT_WIDTH)))
    right = "".join(_truncate(text[position : position + _EXCERPT_WIDTH + 1], _EXCERPT_WIDTH))
    return f"{INDENT}{left}{right}", f"{INDENT}{' ' * len(left)}^"


def _truncate(chars: Iterable[str], columns: int) -> list[str]:
    """Return the escaped characters that fit, followed by an ellipsis if some do not."""
    pieces: list[str] = []
    for piece in map(_escape, chars):
        columns -= len(piece)
        if columns < 0:
            return [*pieces, "..."]
        pieces.append(piece)
    return pieces


def _escape(char: str) -> str:
    if char.isascii() and char.isprintable():
        return char
    return char.encode("unicode_escape").decode("ascii")

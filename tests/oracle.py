"""A second implementation of the language, written by hand from `grammar/README.md`.

A recursive-descent parser, without regular expressions, without Lark and without the library. Tests
and fuzzing compare the library with it.
"""

from __future__ import annotations

import string
from typing import NamedTuple

MAX_LENGTH = 65_536
LETTERS = frozenset(string.ascii_letters + string.digits)
FIRST = LETTERS | {"_"}
LATER = FIRST | set(".:/-")
SPACES = frozenset(" \t")
EDGE = SPACES | set("\r\n")

MINUS_LIKE = frozenset(
    "\u02d7\u2010\u2011\u2012\u2013\u2014\u2015\u2043\u2212\u2796\u30fc\ufe58\ufe63\uff0d"
)
COMMA_LIKE = frozenset(
    ";\u037e\u060c\u061b\u201a\u3001\ufe10\ufe11\ufe50\ufe51\ufe54\uff0c\uff1b\uff64"
)
STAR_LIKE = frozenset("\u066d\u204e\u2217\u22c6\u2731\ufe61\uff0a")
SPACE_LIKE = frozenset(
    "\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u2800\u3000"
)
INVISIBLE_RANGES = [
    (0x034F, 0x034F),
    (0x061C, 0x061C),
    (0x115F, 0x1160),
    (0x17B4, 0x17B5),
    (0x180B, 0x180F),
    (0x200B, 0x200F),
    (0x202A, 0x202E),
    (0x2060, 0x206F),
    (0x3164, 0x3164),
    (0xFE00, 0xFE0F),
    (0xFEFF, 0xFEFF),
    (0xFFA0, 0xFFA0),
    (0xFFF0, 0xFFF8),
    (0x1BCA0, 0x1BCA3),
    (0x1D173, 0x1D17A),
    (0xE0000, 0xE0FFF),
]
SOFT_HYPHEN = "\u00ad"


class Filter(NamedTuple):
    """A valid filter."""

    names: frozenset[str]
    allows_unlisted: bool
    positions: tuple[tuple[str, int], ...] = ()
    """Every listed name with its position, in order."""

    @property
    def canonical(self) -> str:
        minus = "-" if self.allows_unlisted == bool(self.names) else ""
        return minus + (",".join(sorted(self.names)) if self.names else "*")


class Invalid(NamedTuple):
    """An invalid filter."""

    code: str
    position: int
    suggestion: str | None


def parse(text: str) -> Filter | Invalid:
    """Parse a filter.

    >>> parse("- b, a").canonical
    '-a,b'
    >>> parse("a;b")
    Invalid(code='lookalike', position=1, suggestion='a,b')
    """
    if len(text) > MAX_LENGTH:
        return Invalid("too_long", MAX_LENGTH, None)
    try:
        return _Parser(text).filter()
    except _SyntaxError as error:
        code, position = error.args
        return Invalid(code, position, "*" if code == "empty" else suggest(text))


class _SyntaxError(Exception):
    """A code and a position."""


class _Parser:
    """One pass from the left; each method reads one rule of the grammar."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.end = len(text)
        while self.end and text[self.end - 1] in EDGE:
            self.end -= 1
        self.names: list[tuple[str, int]] = []

    def filter(self) -> Filter:
        self.skip(EDGE)
        if self.only_edge_is_left():
            raise _SyntaxError("empty", 0)
        has_minus = self.peek() == "-"
        if has_minus:
            self.at += 1
            self.skip(SPACES)
        if self.peek() == "*":
            self.star()
            return Filter(frozenset(), not has_minus)
        self.list()
        return Filter(frozenset(name for name, _ in self.names), has_minus, (*self.names,))

    def star(self) -> None:
        place = self.at
        self.at += 1
        self.skip(SPACES)
        if self.only_edge_is_left():
            return
        if self.peek() in FIRST | set("-*,"):
            raise _SyntaxError("star_in_list", place)
        self.bad_character()

    def list(self) -> None:
        while True:
            self.name()
            end = self.at
            self.skip(SPACES)
            if self.only_edge_is_left():
                return
            match self.peek():
                case ",":
                    self.at += 1
                    self.skip(SPACES)
                case "-":
                    raise _SyntaxError("misplaced_minus", self.at)
                case "*":
                    raise _SyntaxError("star_in_list", self.at)
                case char if char in FIRST and self.at > end:
                    raise _SyntaxError("missing_comma", self.at)
                case _:
                    self.bad_character()

    def name(self) -> None:
        if self.only_edge_is_left():
            raise _SyntaxError("missing_name", len(self.text))
        match self.peek():
            case ",":
                raise _SyntaxError("missing_name", self.at)
            case "-":
                raise _SyntaxError("misplaced_minus", self.at)
            case "*":
                raise _SyntaxError("star_in_list", self.at)
            case char if char not in FIRST:
                self.bad_character()
        start = self.at
        self.skip(LATER)
        self.names.append((self.text[start : self.at], start))

    def bad_character(self) -> None:
        char = self.peek()
        before = self.text[self.at - 1] if self.at else ""
        if char in MINUS_LIKE | COMMA_LIKE | STAR_LIKE:
            code = "lookalike"
        elif char in SPACE_LIKE or is_invisible(char) or (char == SOFT_HYPHEN and before in FIRST):
            code = "invisible_character"
        else:
            code = "invalid_character"
        raise _SyntaxError(code, self.at)

    def skip(self, chars: frozenset[str]) -> None:
        while self.peek() in chars:
            self.at += 1

    def peek(self) -> str:
        return self.text[self.at] if self.at < len(self.text) else ""

    def only_edge_is_left(self) -> bool:
        return self.at >= self.end


def is_invisible(char: str) -> bool:
    return any(low <= ord(char) <= high for low, high in INVISIBLE_RANGES)


def normalize(text: str) -> str:
    """Replace look-alikes and drop invisible characters, in the order of the definition."""
    replacements = [(SPACE_LIKE, " "), (MINUS_LIKE, "-"), (COMMA_LIKE, ","), (STAR_LIKE, "*")]
    normalized: list[str] = []
    for before, char in zip(f" {text}", text, strict=False):
        if is_invisible(char) or (char == SOFT_HYPHEN and before in FIRST):
            continue
        meant = [replacement for alike, replacement in replacements if char in alike]
        normalized += meant or [char]
    return "".join(normalized)


def suggest(text: str) -> str | None:
    """Return the suggestion for an invalid string, or None if it is ambiguous."""
    words = _words(normalize(text))
    if not words:
        return None
    names = [word for word in words if word not in "*-"]
    one_minus = ["-", *names]
    each_minus = [part for name in names for part in ("-", name)]
    if names and words in (one_minus, each_minus, ["*", *each_minus]):
        return "-" + ",".join(names)
    if words == names:
        return ",".join(names)
    if set(words) == {"*"}:
        return "*"
    return "-*" if words == ["-", "*"] else None


def _words(text: str) -> list[str] | None:
    """Split a text into names, stars and minuses; None if it has other characters."""
    words: list[str] = []
    at = 0
    while at < len(text):
        start = at
        if text[at] in EDGE or text[at] == ",":
            at += 1
        elif text[at] in "*-":
            words.append(text[at])
            at += 1
        elif text[at] in FIRST:
            while at < len(text) and text[at] in LATER:
                at += 1
            words.append(text[start:at])
        else:
            return None
    return words

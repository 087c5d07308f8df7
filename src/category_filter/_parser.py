"""The parser: a string in, names and a flag out, or a `FilterSyntaxError`.

Parsing takes two passes, as in CPython. The first is one regular expression, made of the terminals
that Lark composes from `category_filter.lark`. Only rejected input reaches the second, the grammar
`diagnostics.lark`, which locates the error. Both are built on first use, to keep the import fast.
This is the only module that knows Lark.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Literal, NamedTuple, cast

from category_filter._messages import describe_char
from category_filter.errors import FilterSyntaxError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lark import Lark, Token

    from category_filter.errors import SyntaxErrorCode

__all__ = ["MAX_LENGTH", "check_name", "iter_names", "parse", "pattern", "too_long_error"]

MAX_LENGTH = 65_536
"""Maximum length of a filter, in characters."""

_NO_NAMES: frozenset[str] = frozenset()

_SURROGATE_ESCAPES = range(0xDC80, 0xDD00)
"""Code points that stand for undecodable bytes (`surrogateescape`)."""


def parse(text: str) -> tuple[frozenset[str], bool]:
    """Return the listed names, and whether unlisted ones are allowed.

    >>> parse("-news")
    (frozenset({'news'}), True)

    Raises:
        FilterSyntaxError: If the text is not a valid filter.
    """
    if len(text) > MAX_LENGTH:
        raise too_long_error(text)
    match = _language().form.fullmatch(text)
    if match is None:
        raise _syntax_error(text)
    form = match.lastgroup
    compact = "".join(text.split())  # whitespace in a valid text means nothing
    if form == "only":
        return frozenset(compact.split(",")), False
    if form == "all_except":
        return frozenset(compact[1:].split(",")), True
    return _NO_NAMES, form == "everything"


def iter_names(text: str) -> Iterator[tuple[str, int]]:
    """Iterate over the names of a valid text with their positions, duplicates included.

    >>> list(iter_names("- news, sport"))
    [('news', 2), ('sport', 8)]
    """
    return ((match[0], match.start()) for match in _language().name.finditer(text))


def check_name(name: str) -> None:
    """Check that a string is a valid name.

    Raises:
        FilterSyntaxError: If the name is invalid; `text` is the name.
    """
    if not _language().name.fullmatch(name):
        code, position = _locate_error(name, "name_error")
        key, params = _name_message(name[position]) if name else ("empty_name", {})
        raise FilterSyntaxError(key, text=name, code=code, position=position, params=params)


def too_long_error(text: str) -> FilterSyntaxError:
    """Return the error for a text longer than `MAX_LENGTH`."""
    return FilterSyntaxError("too_long", text=text, code="too_long", position=MAX_LENGTH)


def pattern(names: Sequence[str] | None = None) -> str:
    """Return the language as a portable regular expression, restricted to `names` if given.

    >>> re.fullmatch(pattern(["news", "sport"]), "- sport, news") is not None
    True
    """
    form, name = _language()
    expression = form.pattern
    if names is not None:
        known = "|".join(names).replace(".", r"\.") or r"[^\s\S]"
        expression = expression.replace(name.pattern, f"(?:{known})")
    # Other engines lack Python's named groups, and some lack `*+`.
    expression = re.sub(r"\?P<\w+>", "?:", expression).replace("*+", "*")
    for char in "\t\r\n":
        expression = expression.replace(char, repr(char)[1:-1])
    return f"^(?:{expression})$"


class _Language(NamedTuple):
    """The patterns of a valid filter, with one named group per form, and of a valid name."""

    form: re.Pattern[str]
    name: re.Pattern[str]


class _Diagnostics(NamedTuple):
    """The grammar that locates an error, and the patterns that find a suggestion."""

    grammar: Lark
    replacements: list[tuple[re.Pattern[str], str]]
    intent: re.Pattern[str]


@cache
def _language() -> _Language:
    grammar = _open_grammar("category_filter.lark", "filter", "name")
    return _Language(_forms(grammar, "filter"), re.compile(_regexp(grammar, "NAME")))


@cache
def _diagnostics() -> _Diagnostics:
    grammar = _open_grammar("diagnostics.lark", "error", "name_error", "intent")
    replacements = {
        "SOFT_HYPHEN": "",
        "INVISIBLE": "",
        "SPACE_LIKE": " ",
        "MINUS_LIKE": "-",
        "COMMA_LIKE": ",",
        "STAR_LIKE": "*",
    }
    return _Diagnostics(
        grammar,
        [(re.compile(_regexp(grammar, name)), char) for name, char in replacements.items()],
        _forms(grammar, "intent"),
    )


def _open_grammar(file: str, *start: str) -> Lark:
    from lark import Lark  # noqa: PLC0415 - importing it takes 50 ms

    return Lark.open_from_package(
        "category_filter._grammar", file, parser="lalr", start=list(start)
    )


def _regexp(grammar: Lark, terminal: str) -> str:
    return grammar.get_terminal(terminal).pattern.to_regexp()


def _forms(grammar: Lark, start: str) -> re.Pattern[str]:
    """Compile a rule's alternatives, one terminal each, into one pattern with named groups."""
    expression = "|".join(
        f"(?P<{rule.alias}>{_regexp(grammar, rule.expansion[0].name)})"
        for rule in grammar.rules
        if rule.origin.name == start
    )
    # Lark composes groups that backtrack, which takes 3 % longer.
    return re.compile(expression.replace(")*", ")*+"))


def _syntax_error(text: str) -> FilterSyntaxError:
    code, position = _locate_error(text, "error")
    key, params = _message(text, code, position)
    return FilterSyntaxError(
        key,
        text=text,
        code=code,
        position=position,
        suggestion=_suggest(text, code),
        params=params,
    )


def _locate_error(text: str, start: Literal["error", "name_error"]) -> tuple[SyntaxErrorCode, int]:
    """Return the code and the position of the first error in an invalid text."""
    tree = _diagnostics().grammar.parse(text, start=start)
    code = cast("SyntaxErrorCode", tree.data)
    offenders = cast("list[Token]", tree.children)
    if offenders:
        return code, cast("int", offenders[0].start_pos)
    return code, 0 if code == "empty" else len(text)


def _suggest(text: str, code: SyntaxErrorCode) -> str | None:
    """Return the filter that an invalid text stands for, or None if that is ambiguous."""
    if code == "empty":
        return "*"
    normalized = _normalize(text)
    match = _diagnostics().intent.fullmatch(normalized)
    if match is None:
        return None
    minus = "-" if match.lastgroup in {"all_except", "nothing"} else ""
    return minus + (",".join(name for name, _ in iter_names(normalized)) or "*")


def _normalize(text: str) -> str:
    """Replace look-alikes by what they look like, and drop invisible characters."""
    for pattern_, char in _diagnostics().replacements:
        text = pattern_.sub(char, text)
    return text


def _message(text: str, code: SyntaxErrorCode, position: int) -> tuple[str, dict[str, str]]:
    """Return the key of the message, and the values for its template."""
    char = text[position : position + 1]
    match code:
        case "missing_name" if not char:
            return "missing_name_at_end", {"character": describe_char(text.rstrip()[-1])}
        case "lookalike":
            return code, {
                "character": describe_char(char),
                "replacement": describe_char(_normalize(char)),
            }
        case "invisible_character":
            return code, {"character": describe_char(char)}
        case "invalid_character" if char in "\r\n":
            return "line_break", {}
        case "invalid_character":
            return _name_message(char)
        case _:
            return code, {}


def _name_message(char: str) -> tuple[str, dict[str, str]]:
    if ord(char) in _SURROGATE_ESCAPES:
        return "invalid_byte", {"byte": f"0x{ord(char) & 0xFF:02X}"}
    valid_later = _language().name.fullmatch(f"a{char}")
    return (
        "invalid_first_character" if valid_later else "invalid_character",
        {"character": describe_char(char)},
    )

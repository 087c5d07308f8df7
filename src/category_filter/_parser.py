"""Text to names and flag, or the mistake in it: the only module that knows Lark.

Two passes, as in CPython's own parser. The first recognises what is right, with one regular
expression made of the terminals that Lark composed from the grammar. Only a text that it refuses
meets the second, the grammar of mistakes. Each is built at its first use, so that importing this
module is cheap.
"""

from __future__ import annotations

import re
from threading import Lock
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeVar, cast

from category_filter.errors import FilterSyntaxError, described

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from lark import Lark, Token

    from category_filter.errors import MistakeCode

    T = TypeVar("T")

__all__ = ["MAX_LENGTH", "check_name", "names_in", "parse", "pattern", "too_long"]

MAX_LENGTH = 65_536
"""The longest text of a filter, in characters."""

_NO_NAMES: frozenset[str] = frozenset()


def parse(text: str) -> tuple[frozenset[str], bool]:
    """The names that a filter lists, and whether it allows those that it does not.

    >>> parse("-news")
    (frozenset({'news'}), True)

    Raises:
        FilterSyntaxError: The text is no filter.
    """
    if len(text) > MAX_LENGTH:
        raise too_long(text)
    found = _language().form.fullmatch(text)
    if found is None:
        code, position = _first_mistake(text, "mistake")
        reason, params = _reason(text, code, position)
        raise FilterSyntaxError(
            reason,
            text=text,
            code=code,
            position=position,
            suggestion=_suggestion(text, code),
            params=params,
        )
    form = found.lastgroup
    bare = "".join(text.split())  # the blanks of a good text mean nothing
    if form == "only":
        return frozenset(bare.split(",")), False
    if form == "all_except":
        return frozenset(bare[1:].split(",")), True
    return _NO_NAMES, form == "everything"


def names_in(text: str) -> Iterator[tuple[str, int]]:
    """Each name of a good text, with its position; a name given twice comes twice.

    >>> list(names_in("- news, sport"))
    [('news', 2), ('sport', 8)]
    """
    return ((found[0], found.start()) for found in _language().name.finditer(text))


def check_name(name: str) -> None:
    """Refuse what is not the name of one category.

    Raises:
        FilterSyntaxError: With the name as its text.
    """
    if not _language().name.fullmatch(name):
        code, position = _first_mistake(name, "name_mistake")
        reason, params = _name_reason(name[position]) if name else ("empty_name", {})
        raise FilterSyntaxError(reason, text=name, code=code, position=position, params=params)


def too_long(text: str) -> FilterSyntaxError:
    """The refusal of a text that exceeds `MAX_LENGTH`."""
    return FilterSyntaxError(
        "too_long",
        text=text,
        code="too_long",
        position=MAX_LENGTH,
    )


def pattern(names: Sequence[str] | None = None) -> str:
    """The grammar's own expression for other engines, with these names for the only ones, or any.

    >>> re.fullmatch(pattern(["news", "sport"]), "- sport, news") is not None
    True
    """
    form, name = _language()
    expression = form.pattern
    if names is not None:
        known = "|".join(names).replace(".", r"\.") or r"[^\s\S]"
        expression = expression.replace(name.pattern, f"(?:{known})")
    # Engines elsewhere know neither Python's named groups nor, all of them, `*+`.
    expression = re.sub(r"\?P<\w+>", "?:", expression).replace("*+", "*")
    for blank in "\t\r\n":
        expression = expression.replace(blank, repr(blank)[1:-1])
    return f"^(?:{expression})$"


class _Language(NamedTuple):
    """What recognises a good text: any of the forms, named, and a single name."""

    form: re.Pattern[str]
    name: re.Pattern[str]


class _Mistakes(NamedTuple):
    """What explains a bad one: the grammar, the replacements, and what may have been meant."""

    grammar: Lark
    repairs: list[tuple[re.Pattern[str], str]]
    intent: re.Pattern[str]


def _once(build: Callable[[], T]) -> Callable[[], T]:
    """Build at the first call, while other threads wait for it, and never again."""
    built: list[T] = []
    lock = Lock()

    def get() -> T:
        if not built:
            with lock:
                if not built:
                    built.append(build())
        return built[0]

    return get


@_once
def _language() -> _Language:
    grammar = _grammar("category_filter.lark", "filter", "name")
    return _Language(_forms(grammar, "filter"), re.compile(_regexp(grammar, "NAME")))


@_once
def _mistakes() -> _Mistakes:
    grammar = _grammar("mistakes.lark", "mistake", "name_mistake", "intent")
    repairs = {
        "SOFT_HYPHEN": "",
        "INVISIBLE": "",
        "BLANK_LIKE": " ",
        "MINUS_LIKE": "-",
        "COMMA_LIKE": ",",
        "STAR_LIKE": "*",
    }
    return _Mistakes(
        grammar,
        [(re.compile(_regexp(grammar, name)), right) for name, right in repairs.items()],
        _forms(grammar, "intent"),
    )


def _grammar(file: str, *start: str) -> Lark:
    from lark import Lark  # noqa: PLC0415 - 50 ms, which only a first parse has to pay

    return Lark.open_from_package(
        "category_filter._grammar", file, parser="lalr", start=list(start)
    )


def _regexp(grammar: Lark, terminal: str) -> str:
    return grammar.get_terminal(terminal).pattern.to_regexp()


def _forms(grammar: Lark, start: str) -> re.Pattern[str]:
    """The alternatives of a rule, each a terminal, as one expression with named groups."""
    return re.compile(
        "|".join(
            f"(?P<{rule.alias}>{_regexp(grammar, rule.expansion[0].name)})"
            for rule in grammar.rules
            if rule.origin.name == start
        )
    )


def _first_mistake(text: str, start: Literal["mistake", "name_mistake"]) -> tuple[MistakeCode, int]:
    """The code and the position of what is wrong with a text that was refused."""
    tree = _mistakes().grammar.parse(text, start=start)
    code = cast("MistakeCode", tree.data)
    offenders = cast("list[Token]", tree.children)
    if offenders:
        return code, cast("int", offenders[0].start_pos)
    return code, 0 if code == "empty" else len(text)


def _suggestion(text: str, code: MistakeCode) -> str | None:
    """What was certainly meant: the text read by the forgiving half of the mistakes grammar."""
    if code == "empty":
        return "*"
    mended = _mended(text)
    meant = _mistakes().intent.fullmatch(mended)
    if meant is None:
        return None
    minus = "-" if meant.lastgroup in {"all_except", "nothing"} else ""
    return minus + (",".join(name for name, _ in names_in(mended)) or "*")


def _mended(text: str) -> str:
    for wrong, right in _mistakes().repairs:
        text = wrong.sub(right, text)
    return text


def _reason(text: str, code: MistakeCode, position: int) -> tuple[str, dict[str, str]]:
    """Which of the messages says what is wrong, and what fills it."""
    char = text[position : position + 1]
    match code:
        case "missing_name" if not char:
            return "missing_name_at_the_end", {"character": described(text.rstrip()[-1])}
        case "lookalike":
            return code, {"character": described(char), "replacement": described(_mended(char))}
        case "invisible_character":
            return code, {"character": described(char)}
        case "invalid_character" if char in "\r\n":
            return "line_break", {}
        case "invalid_character":
            return _name_reason(char)
        case _:
            return code, {}


def _name_reason(char: str) -> tuple[str, dict[str, str]]:
    may_follow = _language().name.fullmatch(f"a{char}")
    return (
        "invalid_first_character" if may_follow else "invalid_character",
        {"character": described(char)},
    )

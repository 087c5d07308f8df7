"""The errors: their texts whole, caret included, and their data after a pickle."""

import copy
import pickle

import pytest
from hypothesis import given
from strategies import texts

from category_filter import (
    Categories,
    CategoryFilter,
    CategoryFilterError,
    FilterSyntaxError,
    UnknownCategoryError,
)
from category_filter.errors import MESSAGES
from category_filter.navixy import CATEGORIES as NAVIXY


def refusal(text, parse=CategoryFilter):
    with pytest.raises(CategoryFilterError) as caught:
        parse(text)
    return caught.value


SYNTAX = {
    "": """\
the filter is empty: use '*' for every category, '-*' for none
    \n\
    ^
did you mean '*'?""",
    "a,,b": """\
expected a name before ','
    a,,b
      ^
did you mean 'a,b'?""",
    "news, ": """\
expected a name after ','
    news,\x20
          ^
did you mean 'news'?""",
    "-": """\
expected a name after '-'
    -
     ^""",
    "a,*": """\
'*' cannot be combined with names
    a,*
      ^""",
    "*,-a": """\
'*' cannot be combined with names
    *,-a
    ^
did you mean '-a'?""",
    "-a,-b": """\
write '-' once, before the whole list
    -a,-b
       ^
did you mean '-a,b'?""",
    "chat_message history_rule": """\
expected a comma before this name
    chat_message history_rule
                 ^
did you mean 'chat_message,history_rule'?""",
    "– history_task,history_rule": """\
write '-' instead of '–' (U+2013 EN DASH)
    \\u2013 history_task,history_rule
    ^
did you mean '-history_task,history_rule'?""",
    "a;b": """\
write ',' instead of ';'
    a;b
     ^
did you mean 'a,b'?""",
    "chat_mes\u200bsage": """\
invisible character '\\u200b' (U+200B ZERO WIDTH SPACE)
    chat_mes\\u200bsage
            ^
did you mean 'chat_message'?""",
    "сhat": """\
invalid character 'с' (U+0441 CYRILLIC SMALL LETTER ES): names use A-Z a-z 0-9 _ . : / -
    \\u0441hat
    ^""",
    "a,e\u0301": """\
invalid character '\\u0301' (U+0301 COMBINING ACUTE ACCENT), \
which is made of A-Z a-z 0-9 _ . : / -
    a,e\\u0301
       ^""",
    "a\x1b[31m": """\
invalid character '\\x1b' (U+001B): names use A-Z a-z 0-9 _ . : / -
    a\\x1b[31m
     ^""",
    "\ud800": """\
invalid character '\\ud800' (U+D800): names use A-Z a-z 0-9 _ . : / -
    \\ud800
    ^""",
    ".a": """\
a name cannot start with '.'
    .a
    ^""",
    "a,\nb": """\
line breaks are only allowed at either end
    a,\\nb
      ^
did you mean 'a,b'?""",
    "a\rb": """\
line breaks are only allowed at either end
    a\\rb
     ^
did you mean 'a,b'?""",
    "x" * 65_537: """\
a filter has at most 65,536 characters
    ...xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
                                          ^""",
    "a" * 40 + "," * 2 + "b" * 40: """\
expected a name before ','
    ...aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa,,bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb...
                                          ^
did you mean 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa,\
bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb'?""",
    "\u00e9" * 40: """\
invalid character 'é' (U+00E9 LATIN SMALL LETTER E WITH ACUTE), \
which is made of A-Z a-z 0-9 _ . : / -
    \\xe9\\xe9\\xe9\\xe9\\xe9\\xe9\\xe9\\xe9...
    ^""",
}


class TestSyntaxErrors:
    @pytest.mark.parametrize(("text", "shown"), SYNTAX.items(), ids=lambda value: repr(value)[:20])
    def test_whole_text(self, text, shown):
        error = refusal(text)
        assert str(error) == shown
        assert error.args == (shown,)
        assert error.message == shown.split("\n", 1)[0]

    @given(texts)
    def test_the_caret_stands_below_the_offender_on_a_line_of_ascii(self, text):
        try:
            CategoryFilter(text)
        except FilterSyntaxError as error:
            _, excerpt, caret, *_ = str(error).split("\n")
            assert excerpt.isascii()
            assert excerpt.isprintable()
            assert len(excerpt) <= 80
            rest = excerpt[len(caret) - 1 :]
            offender = text[error.position : error.position + 1]
            plain = offender.isascii() and offender.isprintable()
            assert rest.startswith(offender if plain else ascii(offender)[1:-1])

    def test_a_long_repair_is_whole_as_long_as_somebody_could_paste_it(self):
        error = refusal(";".join(["news"] * 190))
        assert str(error).endswith(f"did you mean '{error.suggestion}'?")
        error = refusal(";".join(["news"] * 400))
        assert str(error).endswith(f"did you mean '{error.suggestion[:1000]}...'?")

    @pytest.mark.parametrize(
        ("name", "message"),
        [
            ("", "the name is empty"),
            ("-a", "a name cannot start with '-'"),
            ("a\n", "invalid character '\\n' (U+000A)"),
            ("a;b", "invalid character ';'"),
            ("\u2013a", "invalid character '\u2013' (U+2013 EN DASH)"),
            ("a\u200b", "invalid character '\\u200b' (U+200B ZERO WIDTH SPACE)"),
        ],
    )
    def test_of_a_single_name(self, name, message):
        if message.endswith("be in a name"):
            message += ": names use A-Z a-z 0-9 _ . : / -"
        for use in (CategoryFilter.only, lambda name: Categories([name])):
            assert refusal(name, use).message == message

    @pytest.mark.parametrize("char", ["\u0301", "\u0903", "\u20dd"])  # Mn, Mc, Me
    def test_no_mark_merges_with_the_quote(self, char):
        assert refusal(char).message.startswith(f"'{ascii(char)[1:-1]}' (U+")

    @pytest.mark.parametrize(("char", "byte"), [("\udc80", "0x80"), ("\udcff", "0xFF")])
    def test_a_byte_that_could_not_be_decoded(self, char, byte):
        assert refusal(f"a,{char}").message == (
            f"the byte {byte}, which is no UTF-8, cannot be in a name,"
            " which is made of A-Z a-z 0-9 _ . : / -"
        )

    def test_the_user_s_text_is_no_template(self):
        assert str(refusal("{0}%s")).startswith("invalid character '{'")

    def test_nothing_of_lark_shows(self):
        error = refusal("a,,b")
        assert error.__cause__ is None
        assert error.__context__ is None


class TestUnknownErrors:
    def test_one_in_an_only_list(self):
        error = refusal("history_rule, chat_mesage", NAVIXY.parse)
        assert str(error) == (
            "unknown category\n"
            "    'chat_mesage' at 14: did you mean 'chat_message'?"
        )
        assert error.message == (
            "unknown category 'chat_mesage' (did you mean 'chat_message'?)"
            ""
        )
        assert error.code == "unknown_category"

    def test_several_in_an_except_list(self):
        error = refusal("-news,weather", Categories(["new", "news1"]).parse)
        assert str(error) == (
            "2 unknown categories\n"
            "    'news' at 1: did you mean 'new' or 'news1'?\n"
            "    'weather' at 6"
        )
        assert error.message == (
            "2 unknown categories 'news' (did you mean 'new' or 'news1'?), 'weather'"
            ""
        )

    def test_thousands(self):
        error = refusal(",".join(f"x{number}" for number in range(2_000)), NAVIXY.parse)
        lines = str(error).split("\n")
        assert lines[0] == "2,000 unknown categories"
        assert lines[1] == "    'x0' at 0"
        assert lines[10:] == ["    'x9' at 27", "    and 1,990 more"]
        assert error.message == (
            "2,000 unknown categories 'x0', 'x1', 'x2', 'x3', 'x4', 'x5', 'x6', 'x7', 'x8', 'x9'"
            " and 1,990 more"
        )
        assert len(error.unknown) == 2_000

    def test_a_long_name_is_cut(self):
        error = refusal("y" * 60_000, NAVIXY.parse)
        assert str(error) == (
            f"unknown category\n    '{'y' * 70}...' at 0"
        )
        assert error.message == f"unknown category '{'y' * 70}...'"
        assert error.unknown[0].name == "y" * 60_000


class TestEveryError:
    @pytest.mark.parametrize("text", ["-a,-b", "a,\u00e9", "chat_mesage,foo"])
    def test_pickles_and_copies_with_its_data(self, text):
        error = refusal(text, NAVIXY.parse)
        error.add_note("line 3")
        for other in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
            assert type(other) is type(error)
            assert other.args == error.args
            assert vars(other) == vars(error)
            assert other.__notes__ == ["line 3"]

    def test_pickles_of_old_load(self):
        syntax = (
            b"\x80\x04\x95,\x01\x00\x00\x00\x00\x00\x00\x8c\x16category_filter.errors\x94"
            b"\x8c\t_restored\x94\x93\x94h\x00\x8c\x11FilterSyntaxError\x94"
            b"\x93\x94\x8c;write ',' instead of ';'\n    a;b"
            b"\n     ^\ndid you mean 'a,b'?\x94\x85\x94}\x94(\x8c\x06r"
            b"eason\x94\x8c\tlookalike\x94\x8c\x04text\x94\x8c\x03a;b\x94\x8c\x04cod"
            b"e\x94h\t\x8c\x08position\x94K\x01\x8c\nsuggestion\x94\x8c\x03a,b\x94"
            b"\x8c\x07_params\x94}\x94(\x8c\tcharacter\x94\x8c\x03';'\x94\x8c\x0brep"
            b"lacement\x94\x8c\x03','\x94u\x8c\x07message\x94\x8c\x18write ',"
            b"' instead of ';'\x94u\x87\x94R\x94."
        )
        unknown = (
            b"\x80\x04\x95\xb0\x01\x00\x00\x00\x00\x00\x00\x8c\x16category_filter.errors\x94"
            b"\x8c\t_restored\x94\x93\x94h\x00\x8c\x14UnknownCategoryErr"
            b"or\x94\x93\x94\x8ceunknown category: its message"
            b"s will never arrive\n    'chat_mesage"
            b"' at 0: did you mean 'chat_message'?"
            b"\x94\x85\x94}\x94(\x8c\x04text\x94\x8c\x0bchat_mesage\x94\x8c\x04code\x94\x8c\x10"
            b"unknown_category\x94\x8c\x0fallows_unlisted\x94\x89"
            b"\x8c\x07unknown\x94h\x00\x8c\x0bUnknownName\x94\x93\x94h\tK\x00\x8c\x0cch"
            b"at_message\x94\x85\x94\x87\x94\x81\x94\x85\x94\x8c\x08position\x94K\x00\x8c\x06re"
            b"ason\x94h\x0b\x8c\x07message\x94\x8c]unknown category "
            b"'chat_mesage' (did you mean 'chat_me"
            b"ssage'?): its messages will never ar"
            b"rive\x94u\x87\x94R\x94."
        )
        for frozen, text in (syntax, "a;b"), (unknown, "chat_mesage"):
            loaded = pickle.loads(frozen)
            now = refusal(text, NAVIXY.parse)
            assert type(loaded) is type(now)
            assert str(loaded) == str(now)
            assert {**vars(loaded), "message": ""} == {**vars(now), "message": ""}

    def test_all_are_value_errors_of_one_base(self):
        for kind in (FilterSyntaxError, UnknownCategoryError):
            assert issubclass(kind, CategoryFilterError)
        assert issubclass(CategoryFilterError, ValueError)


class TestInOneLine:
    """For a form, a log or a column of a table; and in any language."""

    @pytest.mark.parametrize(
        ("text", "line"),
        [
            ("a;b", "write ',' instead of ';'; did you mean 'a,b'?"),
            ("a,*", "'*' cannot be combined with names"),
            (
                "chat_mesage",
                (
                    "unknown category 'chat_mesage' (did you mean 'chat_message'?)"
                    ""
                ),
            ),
        ],
    )
    def test_the_message_and_the_repair(self, text, line):
        assert refusal(text, NAVIXY.parse).summary() == line

    @pytest.mark.parametrize(
        ("text", "line"),
        [
            ("a;b", "<<write ',' instead of ';'>; <did you mean 'a,b'?>>"),
            ("a,", "<<expected a name after ','>; <did you mean 'a'?>>"),
            (
                "-sprot,x,newx",
                (
                    "<3 unknown categories <'sprot' (<did you mean 'sport'?>)>, 'x',"
                    " <'newx' (<did you mean <'news' or 'newt'>?>)>"
                    ">"
                ),
            ),
            (
                ",".join(f"x{number}" for number in range(1_011)),
                "<1,011 unknown categories <"
                + ", ".join(f"'x{number}'" for number in range(10))
                + " and 1,001 more>>",
            ),
        ],
    )
    def test_every_sentence_can_be_translated(self, text, line):
        known = Categories(["news", "newt", "sport"])
        assert refusal(text, known.parse).summary(lambda template: f"<{template}>") == line

    @given(texts)
    def test_the_reason_is_the_key_of_the_message(self, text):
        try:
            NAVIXY.parse(text)
        except CategoryFilterError as error:
            assert error.message == MESSAGES[error.message_key] % error.params()
            assert error.summary().startswith(error.message)
            assert "\n" not in error.summary()

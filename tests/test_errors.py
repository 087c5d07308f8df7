"""The errors: complete messages with the caret, attributes, pickling and localization."""

import copy
import pickle

import pytest
from hypothesis import given

from category_filter import (
    Categories,
    CategoryFilter,
    CategoryFilterError,
    FilterSyntaxError,
    UnknownCategoryError,
)
from category_filter.errors import MESSAGES
from category_filter.navixy import CATEGORIES as NAVIXY
from category_filter.testing import texts


def error_of(text, parse=CategoryFilter):
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
invalid character '\\u0301' (U+0301 COMBINING ACUTE ACCENT): \
names use A-Z a-z 0-9 _ . : / -
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
invalid character 'é' (U+00E9 LATIN SMALL LETTER E WITH ACUTE): \
names use A-Z a-z 0-9 _ . : / -
    \\xe9\\xe9\\xe9\\xe9\\xe9\\xe9\\xe9\\xe9...
    ^""",
}


class TestSyntaxErrors:
    @pytest.mark.parametrize(("text", "shown"), SYNTAX.items(), ids=lambda value: repr(value)[:20])
    def test_the_message_shows_the_error_the_excerpt_and_the_suggestion(self, text, shown):
        error = error_of(text)
        assert str(error) == shown
        assert error.args == (shown,)
        assert error.message == shown.split("\n", 1)[0]

    @given(texts())
    def test_the_caret_points_at_the_offender_in_an_ascii_excerpt(self, text):
        try:
            CategoryFilter(text)
        except FilterSyntaxError as error:
            _, excerpt, caret, *_ = str(error).split("\n")
            assert excerpt.isascii()
            assert excerpt.isprintable()
            assert len(excerpt) <= 80
            rest = excerpt[len(caret) - 1 :]
            offender = text[error.position : error.position + 1]
            printable = offender.isascii() and offender.isprintable()
            assert rest.startswith(offender if printable else ascii(offender)[1:-1])

    def test_a_suggestion_is_truncated_at_a_thousand_characters(self):
        error = error_of(";".join(["news"] * 190))
        assert str(error).endswith(f"did you mean '{error.suggestion}'?")
        error = error_of(";".join(["news"] * 400))
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
    def test_a_single_name_has_its_own_messages(self, name, message):
        if message.startswith("invalid character"):
            message += ": names use A-Z a-z 0-9 _ . : / -"
        for use in (CategoryFilter.only, lambda name: Categories([name])):
            assert error_of(name, use).message == message

    @pytest.mark.parametrize("char", ["\u0301", "\u0903", "\u20dd"])  # Mn, Mc, Me
    def test_a_combining_mark_is_escaped(self, char):
        assert error_of(char).message.startswith(f"invalid character '{ascii(char)[1:-1]}' (U+")

    @pytest.mark.parametrize(("char", "byte"), [("\udc80", "0x80"), ("\udcff", "0xFF")])
    def test_an_undecodable_byte_is_named(self, char, byte):
        assert error_of(f"a,{char}").message == f"byte {byte} is not valid UTF-8"

    @pytest.mark.parametrize("code_point", [0xDC7F, 0xDD00])
    def test_other_surrogates_are_not_bytes(self, code_point):
        assert error_of(f"a,{chr(code_point)}").message.startswith("invalid character '\\ud")

    def test_user_input_is_not_used_as_a_template(self):
        assert str(error_of("{0}%s")).startswith("invalid character '{'")

    def test_lark_errors_do_not_leak(self):
        error = error_of("a,,b")
        assert error.__cause__ is None
        assert error.__context__ is None


class TestUnknownCategoryErrors:
    def test_one_name_in_an_include_list(self):
        error = error_of("history_rule, chat_mesage", NAVIXY.parse)
        assert str(error) == (
            "unknown category:\n    'chat_mesage' at 14: did you mean 'chat_message'?"
        )
        assert error.message == ("unknown category 'chat_mesage' (did you mean 'chat_message'?)")
        assert error.code == "unknown_category"

    def test_several_names_in_an_exclude_list(self):
        error = error_of("-news,weather", Categories(["new", "news1"]).parse)
        assert str(error) == (
            "2 unknown categories:\n"
            "    'news' at 1: did you mean 'new' or 'news1'?\n"
            "    'weather' at 6"
        )
        assert error.message == (
            "2 unknown categories: 'news' (did you mean 'new' or 'news1'?), 'weather'"
        )

    def test_thousands_of_names_are_counted_and_ten_are_shown(self):
        error = error_of(",".join(f"x{number}" for number in range(2_000)), NAVIXY.parse)
        lines = str(error).split("\n")
        assert lines[0] == "2,000 unknown categories:"
        assert lines[1] == "    'x0' at 0"
        assert lines[10:] == ["    'x9' at 27", "    and 1,990 more"]
        assert error.message == (
            "2,000 unknown categories: 'x0', 'x1', 'x2', 'x3', 'x4', 'x5', 'x6', 'x7', 'x8', 'x9'"
            " and 1,990 more"
        )
        assert len(error.unknown) == 2_000

    def test_ten_names_are_shown_whole(self):
        error = error_of("a,b,c,d,e,f,g,h,i,j", NAVIXY.parse)
        assert str(error).endswith("\n    'j' at 18")
        assert error.message.endswith(", 'j'")

    def test_a_long_name_is_truncated(self):
        error = error_of("y" * 60_000, NAVIXY.parse)
        assert str(error) == (f"unknown category:\n    '{'y' * 70}...' at 0")
        assert error.message == f"unknown category '{'y' * 70}...'"
        assert error.unknown[0].name == "y" * 60_000


class TestEveryError:
    @pytest.mark.parametrize("text", ["-a,-b", "a,\u00e9", "chat_mesage,foo"])
    def test_pickling_and_copying_keep_all_attributes(self, text):
        error = error_of(text, NAVIXY.parse)
        error.add_note("line 3")
        for other in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
            assert type(other) is type(error)
            assert other.args == error.args
            assert vars(other) == vars(error)
            assert other.__notes__ == ["line 3"]

    def test_frozen_pickles_load(self):
        syntax = (
            b"\x80\x04\x951\x01\x00\x00\x00\x00\x00\x00\x8c\x16category_filter.e"
            b"rrors\x94\x8c\t_unpickle\x94\x93\x94h\x00\x8c\x11Filter"
            b"SyntaxError\x94\x93\x94\x8c;write ',' inst"
            b"ead of ';'\n    a;b\n     ^\ndid "
            b"you mean 'a,b'?\x94\x85\x94}\x94(\x8c\x0bmessage"
            b"_key\x94\x8c\tlookalike\x94\x8c\x04text\x94\x8c\x03a;b\x94"
            b"\x8c\x04code\x94h\t\x8c\x08position\x94K\x01\x8c\nsugges"
            b"tion\x94\x8c\x03a,b\x94\x8c\x07_params\x94}\x94(\x8c\tchar"
            b"acter\x94\x8c\x03';'\x94\x8c\x0breplacement\x94\x8c\x03',"
            b"'\x94u\x8c\x07message\x94\x8c\x18write ',' inste"
            b"ad of ';'\x94u\x87\x94R\x94."
        )
        unknown = (
            b"\x80\x04\x95v\x01\x00\x00\x00\x00\x00\x00\x8c\x16category_filter.e"
            b"rrors\x94\x8c\t_unpickle\x94\x93\x94h\x00\x8c\x14Unknow"
            b"nCategoryError\x94\x93\x94\x8cFunknown cat"
            b"egory:\n    'chat_mesage' at 0:"
            b" did you mean 'chat_message'?\x94"
            b"\x85\x94}\x94(\x8c\x04text\x94\x8c\x0bchat_mesage\x94\x8c\x04co"
            b"de\x94\x8c\x10unknown_category\x94\x8c\x0fallows"
            b"_unlisted\x94\x89\x8c\x07unknown\x94h\x00\x8c\x0bUnkno"
            b"wnName\x94\x93\x94h\tK\x00\x8c\x0cchat_message\x94\x85\x94"
            b"\x87\x94\x81\x94\x85\x94\x8c\x08position\x94K\x00\x8c\x0bmessage_k"
            b"ey\x94h\x0b\x8c\x07message\x94\x8c=unknown categ"
            b"ory 'chat_mesage' (did you mea"
            b"n 'chat_message'?)\x94u\x87\x94R\x94."
        )
        for frozen, text in (syntax, "a;b"), (unknown, "chat_mesage"):
            loaded = pickle.loads(frozen)
            now = error_of(text, NAVIXY.parse)
            assert type(loaded) is type(now)
            assert str(loaded) == str(now)
            assert {**vars(loaded), "message": ""} == {**vars(now), "message": ""}

    def test_all_errors_share_one_base(self):
        for kind in (FilterSyntaxError, UnknownCategoryError):
            assert issubclass(kind, CategoryFilterError)
        assert issubclass(CategoryFilterError, ValueError)


class TestSummary:
    """One line for a form, a log or a column, in any language."""

    @pytest.mark.parametrize(
        ("text", "line"),
        [
            ("a;b", "write ',' instead of ';'; did you mean 'a,b'?"),
            ("a,*", "'*' cannot be combined with names"),
            (
                "chat_mesage",
                ("unknown category 'chat_mesage' (did you mean 'chat_message'?)"),
            ),
        ],
    )
    def test_shows_the_message_and_the_suggestion(self, text, line):
        assert error_of(text, NAVIXY.parse).summary() == line

    @pytest.mark.parametrize(
        ("text", "line"),
        [
            ("a;b", "<<write ',' instead of ';'>; <did you mean 'a,b'?>>"),
            ("a,", "<<expected a name after ','>; <did you mean 'a'?>>"),
            (
                "-sprot,x,newx",
                (
                    "<3 unknown categories: <'sprot' (<did you mean 'sport'?>)>, 'x',"
                    " <'newx' (<did you mean <'news' or 'newt'>?>)>>"
                ),
            ),
            (
                ",".join(f"x{number}" for number in range(1_011)),
                "<1,011 unknown categories: <"
                + ", ".join(f"'x{number}'" for number in range(10))
                + " and 1,001 more>>",
            ),
        ],
    )
    def test_every_template_is_translated(self, text, line):
        known = Categories(["news", "newt", "sport"])
        assert error_of(text, known.parse).summary(lambda template: f"<{template}>") == line

    @given(texts())
    def test_message_key_selects_the_message_template(self, text):
        try:
            NAVIXY.parse(text)
        except CategoryFilterError as error:
            assert error.message == MESSAGES[error.message_key] % error.params()
            assert error.summary().startswith(error.message)
            assert "\n" not in error.summary()

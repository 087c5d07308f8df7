"""The language: conformance, agreement between all parsers, and diagnostics."""

import json
import re
import subprocess
import sys
import unicodedata
from itertools import product
from pathlib import Path

import oracle
import pytest
from hypothesis import assume, given
from hypothesis.extra.lark import from_lark
from lark import Lark
from lark.exceptions import UnexpectedInput

from category_filter import CategoryFilter, FilterSyntaxError, _parser
from category_filter.errors import SyntaxErrorCode
from category_filter.testing import texts

GRAMMAR = Path(__file__).parents[1] / "grammar"
CONFORMANCE = json.loads((GRAMMAR / "conformance.json").read_text("utf-8"))
LALR = Lark.open_from_package(
    "category_filter._grammar", "category_filter.lark", parser="lalr", start="filter"
)


def expanded(text):
    """Return the text of a case, which may be a list of pieces and counts."""
    if isinstance(text, list):
        return "".join(piece * count for piece, count in text)
    return text


def short(case):
    return repr(case["text"])[:40]


class TestConformance:
    def test_the_data_cover_every_code(self):
        assert len(CONFORMANCE["accepted"]) + len(CONFORMANCE["refused"]) >= 120
        assert {case["code"] for case in CONFORMANCE["refused"]} == set(SyntaxErrorCode.__args__)
        assert CONFORMANCE["max_length"] == _parser.MAX_LENGTH

    @pytest.mark.parametrize("case", CONFORMANCE["accepted"], ids=short)
    def test_accepted(self, case):
        f = CategoryFilter(expanded(case["text"]))
        assert str(f) == expanded(case["canonical"])
        assert f.names == {expanded(name) for name in case["names"]}
        assert f.allows_unlisted is case["allows_unlisted"]

    @pytest.mark.parametrize("case", CONFORMANCE["refused"], ids=short)
    def test_refused(self, case):
        with pytest.raises(FilterSyntaxError) as caught:
            CategoryFilter(expanded(case["text"]))
        error = caught.value
        assert error.code == case["code"]
        assert error.position == case["position"]
        assert error.suggestion == expanded(case["suggestion"])
        assert error.text == expanded(case["text"])


def meaning(text):
    """Return the names and the flag that the oracle finds, or None for an invalid string."""
    expected = oracle.parse(text)
    return expected[:2] if isinstance(expected, oracle.Filter) else None


def value(text):
    try:
        f = CategoryFilter(text)
    except FilterSyntaxError:
        return None
    return f.names, f.allows_unlisted


def error(text):
    try:
        CategoryFilter(text)
    except FilterSyntaxError as error:
        return error.code, error.position, error.suggestion
    return None


def explanation(text):
    """Return the error that the oracle finds."""
    expected = oracle.parse(text)
    return None if isinstance(expected, oracle.Filter) else expected


def lark_form(text):
    try:
        return LALR.parse(text).data
    except UnexpectedInput:
        return None


def scanned_form(text):
    found = _parser._language().form.fullmatch(text)
    return found and found.lastgroup


FORM = {
    (True, False): "only",
    (True, True): "all_except",
    (False, True): "everything",
    (False, False): "nothing",
}


class TestAllParsersAgree:
    """The regular expression, Lark's LALR parser, `CategoryFilter`, and the oracle above."""

    def agree(self, text):
        expected = meaning(text)
        assert value(text) == expected
        form = expected and FORM[bool(expected[0]), expected[1]]
        assert scanned_form(text) == form
        assert lark_form(text) == form

    @given(texts())
    def test_on_any_text(self, text):
        assume(len(text) <= _parser.MAX_LENGTH)
        self.agree(text)

    @given(from_lark(LALR, start="filter"))
    def test_on_every_sentence_of_the_grammar(self, text):
        assert value(text) is not None
        self.agree(text)

    @pytest.mark.parametrize("case", CONFORMANCE["accepted"] + CONFORMANCE["refused"], ids=short)
    def test_on_the_conformance_data(self, case):
        if case.get("code") != "too_long":
            self.agree(expanded(case["text"]))

    def test_on_every_short_text(self):
        for length in range(5):
            for chars in product("a,-* \n.\u2013", repeat=length):
                text = "".join(chars)
                assert value(text) == meaning(text)
                assert error(text) == explanation(text)


class TestDiagnostics:
    @given(texts())
    def test_the_oracle_finds_the_same_error_and_suggestion(self, text):
        assert error(text) == explanation(text)

    @given(texts())
    def test_the_error_keeps_the_text(self, text):
        try:
            CategoryFilter(text)
        except FilterSyntaxError as error:
            assert error.text == text
            assert 0 <= error.position <= len(text)

    @given(texts())
    def test_a_suggestion_is_valid_and_keeps_the_minus(self, text):
        try:
            CategoryFilter(text)
        except FilterSyntaxError as error:
            if error.suggestion is not None:
                suggested = CategoryFilter(error.suggestion)
                assert str(suggested).startswith("-") == error.suggestion.startswith("-")

    @given(texts())
    def test_a_suggestion_keeps_the_names_and_their_order(self, text):
        """Look-alikes are excluded: a dash inside a word becomes part of the suggested name."""
        ascii_only = "".join(char for char in text if char.isascii())
        try:
            CategoryFilter(ascii_only)
        except FilterSyntaxError as error:
            if error.suggestion is not None:
                words = re.findall(r"[\w.:/-]+", ascii_only, re.ASCII)
                names = [word.lstrip("-") for word in words if word.strip("-")]
                assert error.suggestion.removeprefix("-") == (",".join(names) or "*")

    @given(texts())
    def test_include_versus_exclude_is_never_guessed(self, text):
        """A suggestion starts with a minus exactly if the text does, perhaps after a `*`."""
        try:
            CategoryFilter(text)
        except FilterSyntaxError as error:
            if error.suggestion is not None:
                beginning = _parser._normalize(text).lstrip(" \t\r\n,*")
                assert error.suggestion.startswith("-") == beginning.startswith("-")

    @pytest.mark.parametrize("text", ["a", "a,b", "-a", "*", "-*", " - a , b\n"])
    def test_a_valid_text_would_be_suggested_unchanged(self, text):
        expected = "".join(text.split())
        assert _parser._suggest(text, "missing_name") == expected

    @pytest.mark.parametrize(
        ("right", "alike"),
        [
            (
                "-",
                "\u02d7\u2010\u2011\u2012\u2013\u2014\u2015\u2043\u2212\u2796\u30fc\ufe58\ufe63\uff0d",
            ),
            (
                ",",
                ";\u037e\u060c\u061b\u201a\u3001\ufe10\ufe11\ufe50\ufe51\ufe54\uff0c\uff1b\uff64",
            ),
            ("*", "\u066d\u204e\u2217\u22c6\u2731\ufe61\uff0a"),
        ],
    )
    def test_look_alikes_are_named_with_their_replacement(self, right, alike):
        for char in alike:
            with pytest.raises(FilterSyntaxError) as caught:
                CategoryFilter(char)
            assert caught.value.code == "lookalike"
            assert caught.value.message.startswith(f"write '{right}' instead of '{char}'")

    def test_default_ignorable_characters_are_invisible(self):
        codes = (
            "034F 115F 1160 17B4 17B5 180B 180C 180D 180F 2065 3164 FE00 FE0E FFA0 FFF0 FFF8"
            " E0000 E0100 E0FFF"
        )
        for code in codes.split():
            with pytest.raises(FilterSyntaxError) as caught:
                CategoryFilter(f"a{chr(int(code, 16))}b")
            assert (caught.value.code, caught.value.suggestion) == ("invisible_character", "ab")

    def test_unicode_separators_are_invisible(self):
        separators = {
            char
            for char in map(chr, range(sys.maxunicode + 1))
            if unicodedata.category(char) in {"Zs", "Zl", "Zp"}
        } - {" "}
        for char in separators | {"\u2800"}:
            with pytest.raises(FilterSyntaxError) as caught:
                CategoryFilter(f"a{char}b")
            assert (caught.value.code, caught.value.suggestion) == ("invisible_character", "a,b")

    def test_format_characters_are_invisible(self):
        """All of Unicode's Cf, except visible ones such as the Arabic number signs."""
        visible = re.compile(
            "[\u0600-\u0605\u06dd\u070f\u0890-\u0891\u08e2\ufff9-\ufffb"
            "\U000110bd\U000110cd\U00013430-\U0001343f]"
        )
        for char in map(chr, range(sys.maxunicode + 1)):
            if unicodedata.category(char) == "Cf" and not visible.fullmatch(char):
                with pytest.raises(FilterSyntaxError) as caught:
                    CategoryFilter(f"a{char}b")
                assert (caught.value.code, caught.value.suggestion) == (
                    "invisible_character",
                    "ab",
                )


class TestGrammarFiles:
    @pytest.mark.parametrize("file", ["category_filter.lark", "diagnostics.lark"])
    def test_every_rule_and_terminal_is_used(self, file):
        text = (GRAMMAR / file).read_text("utf-8")
        code = re.sub(r"//.*", "", text)
        defined = re.findall(r"^\??(\w+)(?:\.-?\d+)?\s*:", code, re.MULTILINE)
        imported = re.search(r"%import \.\w+ \((.*)\)", code)
        entries = {"filter", "name", "error", "name_error", "intent"}
        for symbol in defined + (imported[1].split(", ") if imported else []):
            uses = len(re.findall(rf"(?<![\w\\]){symbol}\b", code))
            assert uses > 1 or symbol in entries, symbol

    def test_names_use_the_documented_characters(self):
        name = _parser._language().name
        ascii_chars = [chr(code) for code in range(128)]
        assert {char for char in ascii_chars if name.fullmatch(char)} == oracle.FIRST
        assert {char for char in ascii_chars if name.fullmatch("a" + char)} == oracle.LATER


def run(code):
    return subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    ).stdout


class TestFirstParse:
    def test_the_import_does_not_load_lark(self):
        assert run("import category_filter, sys; print('lark' in sys.modules)") == "False\n"

    def test_a_valid_text_does_not_load_the_diagnostics(self):
        counted = (
            "import lark; from category_filter import CategoryFilter;"
            "opened = []; real = lark.Lark.open_from_package;"
            "lark.Lark.open_from_package = lambda *a, **k: opened.append(a[1]) or real(*a, **k);"
            "CategoryFilter('a'); CategoryFilter('b'); print(opened)"
        )
        assert run(counted) == "['category_filter.lark']\n"

    def test_threads_may_all_be_the_first_to_parse(self):
        code = """
import threading, lark
from category_filter import CategoryFilter, FilterSyntaxError

opened, answers = [], []
real = lark.Lark.open_from_package
def counting(package, file, **options):
    opened.append(file)
    return real(package, file, **options)
lark.Lark.open_from_package = counting

barrier = threading.Barrier(8)
def work(number):
    barrier.wait()
    answers.append(str(CategoryFilter(f"b{number},a")) == f"a,b{number}")
    try:
        CategoryFilter(f"a,,b{number}")
    except FilterSyntaxError as error:
        answers.append(error.suggestion == f"a,b{number}")

threads = [threading.Thread(target=work, args=[number]) for number in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(sorted(set(opened)), answers.count(True), len(answers))
"""
        assert run(code) == "['category_filter.lark', 'diagnostics.lark'] 16 16\n"

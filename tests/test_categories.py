"""The known set: validation, suggestions, masks, the pattern, and the collection."""

import copy
import pickle
import re
from enum import Enum, StrEnum
from unittest.mock import ANY

import pytest
from hypothesis import given
from hypothesis import strategies as st

from category_filter import (
    Categories,
    CategoryFilter,
    CategoryFilterError,
    FilterSyntaxError,
    UnknownCategoryError,
)
from category_filter.errors import UnknownName
from category_filter.navixy import CATEGORIES as NAVIXY
from category_filter.testing import categories, filters, spellings, texts

KNOWN = Categories(["a", "b", "c", "news"])


class Plain(Enum):
    NEWS = "news"
    SPORT = "sport"


class Mixed(str, Enum):  # noqa: UP042 - `str()` differs from StrEnum
    TYPO = "nwes"


class Typo(Enum):
    TYPO = "nwes"


class Text(StrEnum):
    NEWS = "news"
    SPORT = "sport"


class TestValidation:
    @given(categories(), filters())
    def test_unknown_returns_the_listed_names_outside_the_set(self, known, f):
        assert known.unknown(f) == tuple(sorted(f.names - set(known)))

    @given(categories(), filters())
    def test_validate_returns_the_same_filter_or_raises(self, known, f):
        if f.names <= set(known):
            assert known.validate(f) is f
        else:
            with pytest.raises(UnknownCategoryError) as caught:
                known.validate(f)
            assert caught.value.text == str(f)

    @given(categories(), filters().flatmap(spellings))
    def test_parse_reports_every_unknown_name_at_its_first_position(self, known, text):
        f = CategoryFilter(text)
        try:
            assert known.parse(text) == f
            assert f.names <= set(known)
        except UnknownCategoryError as error:
            assert error.text == text
            assert error.allows_unlisted == f.allows_unlisted
            assert {name for name, _, _ in error.unknown} == f.names - set(known)
            assert error.position == error.unknown[0].position
            places = [text.index(text.strip(" \t\r\n-,*"))]
            for char_before, place in zip(text, range(1, len(text) + 1), strict=True):
                if char_before in " \t,":
                    places.append(place)
            for name, position, _ in error.unknown:
                begins = [p for p in places if re.split(r"[ \t\r\n,]", text[p:])[0] == name]
                assert position == begins[0]

    @given(categories(), texts())
    def test_parse_raises_no_other_error(self, known, text):
        try:
            known.parse(text)
        except CategoryFilterError as error:
            assert error.text == text

    @given(categories(), filters(), filters().flatmap(spellings))
    def test_names_of_the_stored_filter_stay_valid(self, known, stored, text):
        f = CategoryFilter(text)
        new = f.names - set(known) - stored.names
        try:
            assert known.parse(text, stored=stored) == f
            assert not new
        except UnknownCategoryError as error:
            assert {name for name, _, _ in error.unknown} == new

    def test_stored_is_keyword_only(self):
        with pytest.raises(TypeError):
            KNOWN.parse("news", CategoryFilter("news"))

    def test_parse_accepts_a_filter(self):
        f = CategoryFilter("news")
        assert KNOWN.parse(f) is f

    @pytest.mark.parametrize("typed", [Typo.TYPO, Mixed.TYPO])
    def test_parse_accepts_an_enum_member(self, typed):
        with pytest.raises(UnknownCategoryError) as caught:
            Categories(["news", "Typo.TYPO"]).parse(typed)
        assert caught.value.text == "nwes"
        assert caught.value.unknown == (UnknownName("nwes", 0, ("news",)),)

    def test_methods_accept_a_filter_as_a_string(self):
        assert KNOWN.unknown("x,a") == ("x",)
        assert KNOWN.allowed("-a") == ("b", "c", "news")
        assert KNOWN.mask("-a") == 0b1110
        for use in (KNOWN.unknown, KNOWN.allowed, KNOWN.mask, KNOWN.validate):
            with pytest.raises(TypeError, match=r"^filter must be a str, not int$"):
                use(3)

    def test_parse_raises_on_a_syntax_error(self):
        with pytest.raises(FilterSyntaxError) as caught:
            KNOWN.parse("a;b")
        assert caught.value.suggestion == "a,b"


class TestSuggestions:
    @pytest.mark.parametrize(
        ("typed", "suggestions"),
        [
            ("chat_mesage", ("chat_message",)),  # a letter is missing
            ("chat_messsage", ("chat_message",)),  # one too many
            ("chat_massage", ("chat_message",)),  # a wrong one
            ("caht_message", ("chat_message",)),  # two have changed places
            ("Chat-Message", ("chat_message",)),  # case and separators
            ("chatmessage", ("chat_message",)),
            ("HISTORY.RULES", ("history_rule",)),
            ("history_service_tsk", ("history_service_task",)),
            ("message", ()),
            ("history", ()),
            ("x", ()),
            ("rule_history", ()),
        ],
    )
    def test_for_the_navixy_categories(self, typed, suggestions):
        with pytest.raises(UnknownCategoryError) as caught:
            NAVIXY.parse(typed)
        assert caught.value.unknown == (UnknownName(typed, 0, suggestions),)

    def test_up_to_three_with_the_closest_first(self):
        known = Categories(["news1", "news", "newss", "new-s", "views"])
        with pytest.raises(UnknownCategoryError) as caught:
            known.parse("NEWS")
        assert caught.value.unknown[0].suggestions == ("new-s", "news", "news1")

    def test_the_message_offers_all_of_them(self):
        with pytest.raises(UnknownCategoryError) as caught:
            Categories(["news1", "news2", "news3"]).parse("news4")
        question = "did you mean 'news1', 'news2' or 'news3'?"
        assert caught.value.message == f"unknown category 'news4' ({question})"
        assert str(caught.value) == f"unknown category:\n    'news4' at 0: {question}"

    @pytest.mark.parametrize(
        ("known", "typed", "suggestions"),
        [
            (["anews", "new", "newz"], "news", ("anews", "new", "newz")),
            (["Bhat_message", "chat_message"], "Chat_message", ("chat_message", "Bhat_message")),
            (["news9", "news8", "news7", "news1"], "news0", ("news1", "news7", "news8")),
            (["xnews"], "ynews", ("xnews",)),
            (["xabcd", "yabcd", "zabcd", "abcde"], "abcdy", ("abcde",)),
            (["bads", "cads", "dads", "ads"], "ADS", ("ads", "bads", "cads")),
            (["abcd"], "bcad", ()),  # moved by more than one place
            (["abxycd"], "abyzcd", ()),  # two edits that leave the same key
            (["abcd"], "bacd", ("abcd",)),
            (["a" * 63 + "b"], "a" * 63 + "c", ("a" * 63 + "b",)),
            (["a" * 63 + "bb"], "a" * 63 + "bc", ()),  # too long for deletions
            # The first 20 known names within an edit are ranked.
            (
                [f"vxyz{end}" for end in "bcdefghijklmnopqrstua"],
                "vxyzw",
                ("vxyzb", "vxyzc", "vxyzd"),
            ),
            (["taxx_free"], "TAXX-FREE", ("taxx_free",)),
            *(([f"t{mark}v"], "TV", (f"t{mark}v",)) for mark in "_.:/-"),
        ],
    )
    def test_for_other_sets(self, known, typed, suggestions):
        with pytest.raises(UnknownCategoryError) as caught:
            Categories(known).parse(typed)
        assert caught.value.unknown[0].suggestions == suggestions

    def test_two_short_names_must_have_the_same_letters(self):
        known = Categories(["ads", "news", "tv"])
        with pytest.raises(UnknownCategoryError) as caught:
            known.parse("Ads,adz,adss,ews,TV,t")
        assert [name.suggestions for name in caught.value.unknown] == [
            *(("ads",), (), ("ads",)),
            *(("news",), ("tv",), ()),
        ]

    def test_every_name_of_thousands_gets_its_suggestion(self):
        known = Categories(f"category_{number}_name" for number in range(300))
        typed = [f"category_{number}_nme" for number in range(300)]
        nonsense = [f"x{number:04}" for number in range(5_000)]
        with pytest.raises(UnknownCategoryError) as caught:
            known.parse(",".join(nonsense + typed))
        assert len(caught.value.unknown) == 5_300
        assert all(found.suggestions == () for found in caught.value.unknown[:5_000])
        for name, _, suggestions in caught.value.unknown[5_000:]:
            assert name.replace("nme", "name") in suggestions


class TestRenamed:
    KNOWN = Categories(["news", "offers"], renamed={"ads": "offers", "newz": "offers"})

    def test_the_error_of_a_former_name_suggests_the_new_one(self):
        with pytest.raises(UnknownCategoryError) as caught:
            self.KNOWN.parse("news, ads, newz")
        assert caught.value.unknown == (
            UnknownName("ads", 6, ("offers",)),
            UnknownName("newz", 11, ("offers",)),  # not "news", though within one edit
        )

    def test_a_former_name_stays_valid_if_stored(self):
        f = self.KNOWN.parse("ads", stored=CategoryFilter("ads,news"))
        assert f.rename(self.KNOWN.renamed) == CategoryFilter("offers")

    @pytest.mark.parametrize(
        ("renamed", "error", "message"),
        [
            ({"news": "offers"}, ValueError, "renamed category 'news' is still in the set"),
            (
                {"ads": "gone"},
                ValueError,
                "category 'ads' is renamed to 'gone', which is not in the set",
            ),
            ({3: "news"}, TypeError, "category must be a str, not int"),
            ({"a b": "news"}, FilterSyntaxError, "invalid character ' '"),
        ],
    )
    def test_an_invalid_mapping_is_rejected(self, renamed, error, message):
        with pytest.raises(error) as caught:
            Categories(["news", "offers"], renamed=renamed)
        assert str(caught.value).startswith(message)

    def test_equality_repr_and_pickles_include_it(self):
        assert Categories(["news", "offers"]) != self.KNOWN
        assert eval(repr(self.KNOWN)) == self.KNOWN  # noqa: S307 - evaluates its own repr
        assert pickle.loads(pickle.dumps(self.KNOWN)) == self.KNOWN

    def test_is_read_only(self):
        with pytest.raises(TypeError):
            self.KNOWN.renamed["news"] = "offers"


class TestMasks:
    @given(st.data(), categories())
    def test_from_mask_and_mask_round_trip(self, data, known):
        mask = data.draw(st.integers(0, (1 << len(known)) - 1))
        assert known.mask(known.from_mask(mask)) == mask

    @given(categories(), filters())
    def test_bit_i_is_category_i(self, known, f):
        bits = [bool(known.mask(f) >> bit & 1) for bit in range(len(known))]
        assert bits == [f.allows(name) for name in known]
        assert known.allowed(f) == tuple(name for name in known if f.allows(name))

    @given(categories(), filters())
    def test_from_mask_keeps_the_known_categories_and_denies_the_rest(self, known, f):
        back = known.from_mask(known.mask(f))
        assert known.allowed(back) == known.allowed(f)
        assert not back.allows_unlisted

    @pytest.mark.parametrize("mask", [-1, 16, 1 << 70])
    def test_a_bit_without_a_category_is_rejected(self, mask):
        with pytest.raises(ValueError, match=f"^mask {mask} does not fit 4 categories$"):
            KNOWN.from_mask(mask)


class TestPattern:
    @given(filters().flatmap(spellings) | texts())
    def test_accepts_exactly_the_strings_that_parse_accepts(self, text):
        try:
            KNOWN.parse(text)
        except CategoryFilterError:
            assert not re.search(KNOWN.pattern, text)
        else:
            assert re.search(KNOWN.pattern, text)

    def test_names_are_escaped(self):
        known = Categories(["a.b", "c"])
        assert re.search(known.pattern, "c,a.b")
        assert not re.search(known.pattern, "axb")

    def test_a_name_may_be_a_prefix_of_another(self):
        known = Categories(["a", "ab", "abc"])
        assert re.search(known.pattern, "abc,ab,a")

    def test_the_empty_set_accepts_both_wildcards(self):
        pattern = Categories([]).pattern
        assert [bool(re.search(pattern, text)) for text in ("*", " - * ", "a", "")] == [
            True,
            True,
            False,
            False,
        ]

    def test_is_portable_without_groups_lookaround_or_possessive_quantifiers(self):
        edge, minus, comma = r"[ \t\r\n]*", r"-[ \t]*", r"(?:,|[ \t]+,)[ \t]*"
        listed = f"(?:a|b\\.c)(?:{comma}(?:a|b\\.c))*"
        assert Categories(["a", "b.c"]).pattern == (
            f"^(?:(?:{edge}{listed}{edge})|(?:{edge}{minus}{listed}{edge})"
            rf"|(?:{edge}\*{edge})|(?:{edge}{minus}\*{edge}))$"
        )

    def test_json_schema(self):
        assert KNOWN.json_schema() == {
            "type": "string",
            "pattern": KNOWN.pattern,
            "maxLength": 65_536,
            "default": "*",
            "examples": ["*", "a", "-a"],
        }
        assert Categories([]).json_schema()["examples"] == ["*"]


class TestCollection:
    @pytest.mark.parametrize(
        "given_names",
        [["news", "sport"], ("news", "sport"), Plain, Text, {"news": "", "sport": ""}],
    )
    def test_keeps_the_order_of_the_names(self, given_names):
        known = Categories(given_names)
        assert list(known) == ["news", "sport"]
        assert {type(name) for name in known} == {str}
        assert len(known) == 2
        assert "news" in known
        assert Text.NEWS in known
        assert Plain.NEWS in known
        assert "other" not in known
        assert 3 not in known

    def test_labels_are_the_names_unless_given(self):
        assert dict(Categories(["news"]).labels) == {"news": "news"}
        assert dict(Categories({Text.NEWS: "News"}).labels) == {"news": "News"}
        assert dict(Categories({Plain.NEWS: "News"}).labels) == {"news": "News"}
        assert dict(Categories([Plain.NEWS]).labels) == {"news": "news"}
        assert Categories(NAVIXY.labels) == NAVIXY
        with pytest.raises(TypeError):
            NAVIXY.labels["chat_message"] = "changed"

    def test_equality_compares_names_order_and_labels(self):
        assert Categories(["a", "b"]) == Categories(("a", "b"))
        assert hash(Categories(["a", "b"])) == hash(Categories(("a", "b")))
        assert Categories(["a", "b"]) != Categories(["b", "a"])
        assert Categories({"a": "A"}) != Categories(["a"])
        assert Categories(["a"]) != ["a"]
        assert Categories(["a"]) == ANY
        assert hash(Categories(["a"])) != hash(Categories(["b"]))

    def test_repr_evaluates_to_an_equal_set(self):
        known = Categories({"a": "A", "b": "B"})
        assert repr(known) == "Categories({'a': 'A', 'b': 'B'})"
        assert eval(repr(known)) == known  # noqa: S307 - evaluates its own repr

    def test_copying_returns_itself_and_pickles_are_frozen(self):
        known = Categories({"a": "A", "b": "B"})
        assert copy.copy(known) is known
        assert copy.deepcopy(known) is known
        frozen = (
            b"\x80\x04\x95E\x00\x00\x00\x00\x00\x00\x00\x8c\x1acategory_filter.categories"
            b"\x94\x8c\nCategories\x94\x93\x94}\x94(\x8c\x01a\x94\x8c\x01A\x94\x8c\x01b\x94"
            b"\x8c\x01B\x94u\x85\x94R\x94."
        )
        assert pickle.dumps(known, 4) == frozen
        assert pickle.loads(frozen) == known

    @pytest.mark.parametrize("name", ["labels", "_labels", "other"])
    def test_is_immutable(self, name):
        with pytest.raises(AttributeError) as caught:
            setattr(KNOWN, name, {})
        assert str(caught.value) == f"Categories is immutable: cannot set {name!r}"
        with pytest.raises(AttributeError) as caught:
            delattr(KNOWN, name)
        assert str(caught.value) == f"Categories is immutable: cannot delete {name!r}"

    def test_calling_init_again_changes_nothing(self):
        known = Categories(["a"])
        known.__init__(["b"])
        assert list(known) == ["a"]

    def test_is_final(self):
        with pytest.raises(TypeError) as caught:
            type("Mine", (Categories,), {})
        assert str(caught.value) == "Categories is final: use an attribute instead"

    @pytest.mark.parametrize("names", ["news", 5])
    def test_a_single_str_or_number_is_rejected(self, names):
        with pytest.raises(TypeError) as caught:
            Categories(names)
        assert str(caught.value) == (
            f"expected a mapping, an iterable of names or an enum, got {type(names).__name__}"
        )

    def test_a_name_must_be_a_str(self):
        with pytest.raises(TypeError, match=r"^category must be a str, not int$"):
            Categories(["news", 3])

    @pytest.mark.parametrize("label", [None, 3, {"en": "News"}])
    def test_a_label_must_be_a_str(self, label):
        kind = type(label).__name__
        with pytest.raises(TypeError, match=f"^label must be a str, not {kind}$"):
            Categories({"news": label})

    def test_an_invalid_name_is_rejected(self):
        with pytest.raises(FilterSyntaxError) as caught:
            Categories(["news", "top news"])
        assert str(caught.value) == (
            "invalid character ' ': names use A-Z a-z 0-9 _ . : / -\n    top news\n       ^"
        )

    def test_a_duplicate_name_is_rejected(self):
        with pytest.raises(ValueError, match=r"^duplicate category 'a'$"):
            Categories(["a", "b", "a"])


def test_navixy_has_its_six_categories_in_mask_order():
    assert list(NAVIXY) == [
        "chat_message",
        "history_rule",
        "history_task",
        "history_info",
        "history_service_task",
        "history_work_status",
    ]
    assert all(label and label != name for name, label in NAVIXY.labels.items())

"""The value: the laws of filters, then construction, caching and immutability."""

import copy
import operator
import pickle
from enum import Enum, StrEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from category_filter import CategoryFilter, FilterSyntaxError
from category_filter._filter import _CACHE_MAX_LENGTH, _CACHE_SIZE, _cache
from category_filter.testing import filters, names

EVERYTHING, NOTHING = CategoryFilter("*"), CategoryFilter("-*")
OUTSIDERS = {"nobody-listed-this", "nor.this"}


def allowed(f, universe):
    return {category for category in universe if f.allows(category)}


def universe_of(*fs):
    """Return all listed names, and some that no filter lists."""
    return frozenset().union(OUTSIDERS, *(f.names for f in fs))


class TestMeaning:
    @given(filters(), names())
    def test_allows_is_membership_inverted_for_exclude_lists(self, f, category):
        assert f.allows(category) == ((category in f.names) != f.allows_unlisted)
        assert (category in f) == f.allows(category)

    @given(filters(), filters())
    def test_filters_are_equal_exactly_if_they_allow_the_same(self, f, g):
        universe = universe_of(f, g)
        assert (f == g) == (allowed(f, universe) == allowed(g, universe))
        if f == g:
            assert hash(f) == hash(g)
        assert hash(f) != hash(~f)

    @given(filters(), st.lists(names()))
    def test_filter_keeps_allowed_items_in_order(self, f, categories):
        expected = [category for category in categories if f.allows(category)]
        assert list(f.filter(categories)) == expected
        events = list(enumerate(categories))
        kept = f.filter(events, key=lambda event: event[1])
        assert [category for _, category in kept] == expected

    def test_filter_is_lazy(self):
        seen = []
        events = (seen.append(category) or category for category in ["a", "b", "a"])
        kept = CategoryFilter("a").filter(events)
        assert next(kept) == "a"
        assert seen == ["a"]
        asked = []
        kept = CategoryFilter("a").filter(["a", "b"], key=lambda item: asked.append(item) or item)
        assert next(kept) == "a"
        assert asked == ["a"]


class TestSetOperators:
    """Filters behave as the sets of categories they allow."""

    @given(filters(), filters())
    def test_operators_match_those_of_sets(self, f, g):
        universe = universe_of(f, g)
        in_f, in_g = allowed(f, universe), allowed(g, universe)
        assert allowed(f & g, universe) == in_f & in_g
        assert allowed(f | g, universe) == in_f | in_g
        assert allowed(f - g, universe) == in_f - in_g
        assert allowed(f ^ g, universe) == in_f ^ in_g
        assert allowed(~f, universe) == universe - in_f

    @given(filters(), filters())
    def test_comparisons_match_those_of_sets(self, f, g):
        universe = universe_of(f, g)
        in_f, in_g = allowed(f, universe), allowed(g, universe)
        assert (f <= g) == (in_f <= in_g)
        assert (f < g) == (in_f < in_g)
        assert (f >= g) == (in_f >= in_g)
        assert (f > g) == (in_f > in_g)
        assert f.isdisjoint(g) == in_f.isdisjoint(in_g)

    @given(filters(), filters())
    def test_de_morgan(self, f, g):
        assert ~(f & g) == ~f | ~g
        assert ~(f | g) == ~f & ~g

    @given(filters(), filters(), filters())
    def test_distributivity_and_associativity(self, f, g, h):
        assert f & (g | h) == (f & g) | (f & h)
        assert (f ^ g) ^ h == f ^ (g ^ h)

    @given(filters())
    def test_identities_and_complements(self, f):
        assert f & EVERYTHING == f | NOTHING == ~~f == f
        assert f & ~f == f ^ f == f - f == NOTHING
        assert f | ~f == EVERYTHING
        assert NOTHING <= f <= EVERYTHING

    def test_listing_all_known_names_is_not_every_category(self):
        assert CategoryFilter("a,b") | CategoryFilter("-a,b") == EVERYTHING
        assert CategoryFilter("a") | CategoryFilter("b") != EVERYTHING

    @pytest.mark.parametrize(
        ("f", "g", "results"),
        [
            ("a,b", "b,c", ("b", "a,b,c", "a", "a,c")),
            ("a,b", "-b,c", ("a", "-c", "b", "-a,c")),
            ("-a,b", "b,c", ("c", "-a", "-a,b,c", "-a,c")),
            ("-a,b", "-b,c", ("-a,b,c", "-b", "c", "a,c")),
        ],
    )
    def test_operators_give_filters(self, f, g, results):
        f, g = CategoryFilter(f), CategoryFilter(g)
        assert tuple(map(str, (f & g, f | g, f - g, f ^ g))) == results
        assert str(~f) == f"-{f}".removeprefix("--")

    @pytest.mark.parametrize(
        ("f", "g", "is_proper", "is_disjoint"),
        [
            ("a", "a,b", True, False),
            ("a", "-b", True, False),
            ("-a,b", "-a", True, False),
            ("a", "-a", False, True),
            ("a,b", "b,c", False, False),
            ("a", "b", False, True),
            ("-a", "a,b", False, False),
        ],
    )
    def test_a_filter_may_be_part_of_another(self, f, g, is_proper, is_disjoint):
        f, g = CategoryFilter(f), CategoryFilter(g)
        assert (f <= g) is (f < g) is (g >= f) is (g > f) is is_proper
        assert (g <= f) is (g < f) is (f >= g) is (f > g) is False
        assert f <= f >= f  # noqa: PLR0124 - equal filters
        assert not f < f  # noqa: PLR0124
        assert f.isdisjoint(g) is g.isdisjoint(f) is is_disjoint

    @pytest.mark.parametrize("other", ["a", 1, None, frozenset("a")], ids=repr)
    def test_operators_reject_other_types(self, other):
        f = CategoryFilter("a")
        operations = {
            "&": lambda: f & other,
            "|": lambda: f | other,
            "-": lambda: f - other,
            "^": lambda: f ^ other,
            "<=": lambda: f <= other,
            "<": lambda: f < other,
            ">=": lambda: f >= other,
            ">": lambda: f > other,
        }
        for operation in operations.values():
            with pytest.raises(TypeError, match="supported"):
                operation()
        kind = type(other).__name__
        with pytest.raises(TypeError, match=rf"^expected a CategoryFilter, got {kind}$"):
            f.isdisjoint(other)
        assert f != other
        assert other != f


class TestRename:
    @given(filters(), st.dictionaries(names(), names(), max_size=4))
    def test_replaces_every_listed_name_and_keeps_the_form(self, f, renamed):
        new = f.rename(renamed)
        assert new.names == {renamed.get(name, name) for name in f.names}
        assert new.allows_unlisted is f.allows_unlisted

    @given(filters(), st.permutations(["a", "b", "c", "news"]))
    def test_a_permutation_of_names_can_be_undone(self, f, new):
        renamed = dict(zip(["a", "b", "c", "news"], new, strict=True))
        back = {value: key for key, value in renamed.items()}
        assert f.rename(renamed).rename(back) == f

    @given(filters(), names())
    def test_a_new_name_is_allowed_as_the_old_one_was(self, f, old):
        assert f.rename({old: "brand-new"}).allows("brand-new") is f.allows(old)

    def test_returns_itself_if_no_name_is_listed(self):
        f = CategoryFilter("a")
        assert f.rename({"b": "not, valid", "c": 3}) is f

    @pytest.mark.parametrize(("new", "error"), [("a b", FilterSyntaxError), (3, TypeError)])
    def test_an_invalid_new_name_is_rejected(self, new, error):
        with pytest.raises(error):
            CategoryFilter("-a").rename({"a": new})

    def test_a_canonical_form_over_the_limit_is_rejected(self):
        with pytest.raises(FilterSyntaxError) as caught:
            CategoryFilter("-a").rename({"a": "b" * 65_536})
        assert caught.value.code == "too_long"


class Other:
    """A type with its own operators for filters."""

    __rand__ = __ror__ = __rsub__ = __rxor__ = lambda _self, _other: "mine"
    __le__ = __lt__ = __ge__ = __gt__ = __eq__ = lambda _self, _other: "mine"
    __hash__ = None


@pytest.mark.parametrize("name", ["and_", "or_", "sub", "xor", "le", "lt", "ge", "gt", "eq"])
def test_operators_defer_to_another_type(name):
    assert getattr(operator, name)(CategoryFilter("a"), Other()) == "mine"


class Category(Enum):
    NEWS = "news"
    NUMBER = 3


class TextCategory(StrEnum):
    NEWS = "news"


class MixedCategory(str, Enum):  # noqa: UP042 - `str()` differs from StrEnum
    NEWS = "news"


class Shouting(str):
    __slots__ = ()

    def __str__(self):
        return self.upper()

    def __hash__(self):
        return 0

    def __eq__(self, other):
        return False


class TestConstruction:
    def test_the_default_allows_every_category(self):
        assert CategoryFilter() == EVERYTHING

    def test_a_filter_is_returned_unchanged(self):
        f = CategoryFilter("a")
        assert CategoryFilter(f) is f

    @pytest.mark.parametrize(
        ("text", "end"),
        [
            (None, "NoneType: the default is '*'"),
            (["a"], "list: use CategoryFilter.only(*names)"),
            (("a",), "tuple: use CategoryFilter.only(*names)"),
            ({"a"}, "set: use CategoryFilter.only(*names)"),
            (frozenset("a"), "frozenset: use CategoryFilter.only(*names)"),
            (1, "int"),
            (b"a", "bytes"),
        ],
        ids=repr,
    )
    def test_other_types_raise_type_error(self, text, end):
        with pytest.raises(TypeError) as caught:
            CategoryFilter(text)
        assert str(caught.value) == f"filter must be a str, not {end}"
        assert caught.value.__context__ is None

    def test_a_second_argument_raises_type_error(self):
        with pytest.raises(TypeError, match=r"^CategoryFilter.__new__\(\) takes"):
            CategoryFilter("a", "b")

    @pytest.mark.parametrize(
        "name", [Category.NEWS, TextCategory.NEWS, MixedCategory.NEWS, Shouting("news")], ids=repr
    )
    def test_a_str_subclass_or_enum_member_becomes_a_str(self, name):
        made = [CategoryFilter.only(name), CategoryFilter(name), ~CategoryFilter.all_except(name)]
        for f in made:
            (listed,) = f.names
            assert (type(listed), listed) == (str, "news")
        assert CategoryFilter("news").allows(name)
        assert name in CategoryFilter("news")

    @pytest.mark.parametrize("category", [None, 1, b"news", ["news"], Category.NUMBER], ids=repr)
    def test_a_category_must_be_a_str(self, category):
        kind = "int" if category is Category.NUMBER else type(category).__name__
        for use in (CategoryFilter("news").allows, CategoryFilter.only, CategoryFilter.all_except):
            with pytest.raises(TypeError) as caught:
                use(category)
            assert str(caught.value) == f"category must be a str, not {kind}"

    @pytest.mark.parametrize("make", [CategoryFilter.only, CategoryFilter.all_except])
    @pytest.mark.parametrize(
        ("name", "code", "position"),
        [
            ("", "missing_name", 0),
            (" a", "invalid_character", 0),
            ("a,b", "invalid_character", 1),
            ("-a", "invalid_character", 0),
            ("*", "invalid_character", 0),
            ("caf\u00e9", "invalid_character", 3),
            ("a\u2013b", "lookalike", 1),
            ("a\u200b", "invisible_character", 1),
            ("a\n", "invalid_character", 1),
        ],
    )
    def test_an_invalid_name_is_rejected(self, make, name, code, position):
        with pytest.raises(FilterSyntaxError) as caught:
            make("good", name)
        error = caught.value
        assert (error.text, error.code, error.position) == (name, code, position)
        assert error.suggestion is None

    def test_a_canonical_form_over_the_limit_is_rejected(self):
        just = "a" * 65_535
        assert str(CategoryFilter.all_except(just)) == "-" + just
        assert len(str(CategoryFilter.only(just + "a"))) == 65_536
        for build in (
            lambda: CategoryFilter.all_except(just + "a"),
            lambda: CategoryFilter.only(just, "b"),
            lambda: CategoryFilter(just) | CategoryFilter("b"),
            lambda: ~CategoryFilter(just + "a"),
        ):
            with pytest.raises(FilterSyntaxError) as caught:
                build()
            assert (caught.value.code, caught.value.position) == ("too_long", 65_536)

    def test_intermediate_results_are_not_limited(self):
        longest = CategoryFilter("a" * 65_536)
        assert longest | longest == longest & longest == longest | NOTHING == longest
        assert longest - longest == longest ^ longest == NOTHING
        assert longest | EVERYTHING == EVERYTHING
        b = CategoryFilter("b")
        assert b - longest == b
        assert b.isdisjoint(longest)
        assert longest.isdisjoint(b)
        assert longest <= ~b
        assert longest & ~b == longest


class TestCache:
    def test_a_short_string_is_parsed_once(self):
        assert CategoryFilter("news,once") is CategoryFilter("news,once")

    def test_long_strings_are_not_cached(self):
        CategoryFilter("a" * (_CACHE_MAX_LENGTH + 1))
        assert max(map(len, _cache)) <= _CACHE_MAX_LENGTH

    def test_the_cache_is_bounded(self):
        _cache.clear()
        sizes = [
            len(_cache) for number in range(_CACHE_SIZE + 2) if CategoryFilter(f"filler{number}")
        ]
        assert max(sizes) == _CACHE_SIZE == 1_024

    @pytest.mark.parametrize("text", ["a" * _CACHE_MAX_LENGTH, "news , once", "\n*\n"])
    def test_any_spelling_up_to_the_length_limit_is_cached(self, text):
        assert CategoryFilter(text) is CategoryFilter(text)
        assert _CACHE_MAX_LENGTH == 256


class TestValue:
    @pytest.mark.parametrize("name", ["names", "allows_unlisted", "_names", "other"])
    def test_is_immutable(self, name):
        f = CategoryFilter("a")
        with pytest.raises(AttributeError) as caught:
            setattr(f, name, frozenset())
        assert str(caught.value) == f"CategoryFilter is immutable: cannot set {name!r}"
        with pytest.raises(AttributeError) as caught:
            delattr(f, name)
        assert str(caught.value) == f"CategoryFilter is immutable: cannot delete {name!r}"
        assert f == CategoryFilter("a")

    def test_is_final(self):
        with pytest.raises(TypeError) as caught:
            type("Mine", (CategoryFilter,), {})
        assert str(caught.value) == "CategoryFilter is final: use an attribute instead"

    def test_is_not_iterable_or_sized(self):
        f = CategoryFilter("a")
        for use in (iter, len, list, reversed):
            with pytest.raises(TypeError):
                use(f)
        assert not hasattr(f, "__dict__")

    @pytest.mark.parametrize("text", ["*", "-*", "a", "-a"])
    def test_is_always_truthy(self, text):
        assert CategoryFilter(text)

    @given(filters())
    def test_copying_returns_the_filter_itself(self, f):
        assert copy.copy(f) is f
        assert copy.deepcopy(f) is f

    @given(filters(), st.integers(0, pickle.HIGHEST_PROTOCOL))
    def test_pickling_round_trips(self, f, protocol):
        assert pickle.loads(pickle.dumps(f, protocol)) == f

    def test_the_pickle_format_is_frozen(self):
        frozen = (
            b"\x80\x04\x951\x00\x00\x00\x00\x00\x00\x00\x8c\x0fcategory_filter\x94"
            b"\x8c\x0eCategoryFilter\x94\x93\x94\x8c\x04-a,b\x94\x85\x94R\x94."
        )
        assert pickle.dumps(CategoryFilter("- b, a"), 4) == frozen
        assert pickle.loads(frozen) == CategoryFilter("-a,b")

"""The strategies for users: registered without an import, valid, and able to find bugs."""

import subprocess
import sys
from dataclasses import dataclass
from typing import Annotated

import attrs
import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st
from processes import UNMEASURED
from pydantic import BaseModel

from category_filter import Categories, CategoryFilter, FilterSyntaxError
from category_filter.errors import SyntaxErrorCode
from category_filter.testing import categories, filters, names, spellings, texts

KNOWN = Categories(["news", "sport"])
SHRINK = settings(max_examples=3_000, database=None, derandomize=True, deadline=None)
SEARCH = settings(SHRINK, phases=[Phase.generate])


def code_of(text):
    """Return the code of the error, or None if a text is valid."""
    try:
        CategoryFilter(text)
    except FilterSyntaxError as error:
        return error.code
    return None


def run(code):
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        env=UNMEASURED,
        check=True,
        capture_output=True,
        text=True,
    ).stdout


@dataclass
class Dataclass:
    wanted: CategoryFilter
    former: list[CategoryFilter]


@attrs.define
class Attrs:
    wanted: CategoryFilter
    known: Categories | None


class Model(BaseModel):
    wanted: CategoryFilter
    known: Annotated[CategoryFilter, KNOWN]
    optional: Annotated[CategoryFilter | None, KNOWN] = None


class TestRegistration:
    @given(st.from_type(CategoryFilter), st.from_type(Categories))
    def test_the_types_have_strategies(self, f, known):
        assert type(f) is CategoryFilter
        assert type(known) is Categories

    @settings(max_examples=30)
    @given(st.builds(Dataclass), st.builds(Attrs), st.builds(Model))
    def test_models_are_built_with_filters(self, data, attributes, model):
        for f in [data.wanted, *data.former, attributes.wanted, model.wanted, model.known]:
            assert type(f) is CategoryFilter
        assert Model(**model.model_dump()) == model

    def test_hypothesis_registers_them_without_an_import(self):
        code = (
            "from hypothesis import strategies as st; from category_filter import CategoryFilter;"
            "print(type(st.from_type(CategoryFilter).example()).__name__)"
        )
        assert run(code) == "CategoryFilter\n"

    @pytest.mark.parametrize(
        "first", ["hypothesis", "category_filter.testing", "hypothesis.strategies"]
    )
    def test_any_order_of_imports_works(self, first):
        code = f"import {first}, category_filter.testing as t; print(t.names().example() != '')"
        assert run(code) == "True\n"

    def test_the_library_does_not_load_hypothesis(self):
        code = "import category_filter, sys; CategoryFilter = category_filter.CategoryFilter('a')"
        assert run(f"{code}; print('hypothesis' in sys.modules)") == "False\n"


class TestStrategies:
    @pytest.mark.parametrize("f", ["*", "-*", "a", "-a", "a,b", "-News,a"])
    def test_filters_have_every_form(self, f):
        wanted = CategoryFilter(f)
        assert find(filters(), lambda drawn: drawn == wanted, settings=SEARCH) == wanted

    @pytest.mark.parametrize("f", ["*", "-*", "news", "-sport", "news,sport", "-news,sport"])
    def test_filters_of_a_known_set_list_every_subset(self, f):
        wanted = CategoryFilter(f)
        assert find(filters(KNOWN), lambda drawn: drawn == wanted, settings=SEARCH) == wanted

    @given(st.data(), categories())
    def test_filters_of_a_known_set_list_only_its_names(self, data, known):
        assert known.unknown(data.draw(filters(categories=known))) == ()

    @given(categories(max_size=2))
    def test_known_sets_respect_the_maximum_size(self, known):
        assert len(known) <= 2

    @pytest.mark.parametrize(
        "is_found",
        [
            lambda known: not known,
            lambda known: known.renamed,
            lambda known: any(name != label for name, label in known.labels.items()),
        ],
        ids=["empty", "renamed", "labels"],
    )
    def test_known_sets_vary(self, is_found):
        assert is_found(find(categories(), is_found, settings=SEARCH))

    @given(filters().flatmap(lambda f: st.tuples(st.just(f), spellings(f))))
    def test_spellings_mean_their_filter(self, pair):
        f, text = pair
        assert CategoryFilter(text) == f

    @given(names())
    def test_names_are_valid(self, name):
        assert CategoryFilter.only(name).names == {name}

    @pytest.mark.filterwarnings("ignore:Generating overly large repr")  # of long strings
    @pytest.mark.parametrize("code", [None, *SyntaxErrorCode.__args__])
    def test_texts_include_valid_strings_and_every_syntax_error(self, code):
        assert code_of(find(texts(), lambda text: code_of(text) == code, settings=SEARCH)) == code

    def test_a_failure_shrinks_to_a_simple_filter(self):
        def forgets_the_minus(f):
            return CategoryFilter.only(*f.names) != f

        assert find(filters(), forgets_the_minus, settings=SHRINK) == CategoryFilter("*")

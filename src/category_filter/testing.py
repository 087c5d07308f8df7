"""Hypothesis strategies for your tests (extra `testing`).

Hypothesis loads this module by itself. In your tests, `st.from_type(CategoryFilter)`,
`st.from_type(Categories)` and `st.builds` on your own types work without an import:

>>> from dataclasses import dataclass
>>> from hypothesis import given
>>> from hypothesis import strategies as st
>>> @dataclass
... class Device:
...     wanted: CategoryFilter
>>> @given(st.builds(Device))
... def test_filters_survive_storage(device):
...     assert CategoryFilter(str(device.wanted)) == device.wanted
>>> test_filters_survive_storage()
"""

from __future__ import annotations

import string
from typing import TYPE_CHECKING

from category_filter._extras import requires
from category_filter._filter import CategoryFilter
from category_filter._parser import MAX_LENGTH
from category_filter.categories import Categories

with requires("testing"):
    from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Callable

    from hypothesis.strategies import DrawFn, SearchStrategy

__all__ = ["categories", "filters", "names", "spellings", "texts"]

_FIRST = string.ascii_letters + string.digits + "_"
_LATER = _FIRST + ".:/-"
_COMMON = ["a", "b", "c", "news", "news-", "News"]
_NEARLY_VALID = ["a", "b", ",", "-", "*", " ", ";", "\u2013", "\n"]
_HOSTILE = "ab-_.,;*\t\r\n \u00a0\u200b\u00ad\u2013\uff0c\u00e9\u0430\x00\ud800"

# Strategies are made once, because Hypothesis checks each of them.
_NAMES = st.sampled_from(_COMMON) | st.builds(
    str.__add__, st.sampled_from(_FIRST), st.text(_LATER, max_size=8)
)
_LISTS = st.frozensets(_NAMES, max_size=6)
_CONSTRUCTORS = st.sampled_from([CategoryFilter.only, CategoryFilter.all_except])
_LABELS = st.text(max_size=8)
_RENAMED = st.dictionaries(_NAMES, st.integers(0, 7), max_size=2)
_SPACES = st.text(" \t", max_size=2)
_EDGES = st.text(" \t\r\n", max_size=2)


def names() -> SearchStrategy[str]:
    """Return a strategy for valid names. A few are common, so that filters share names.

    >>> from hypothesis import given
    >>> @given(names())
    ... def test_any_name_can_be_listed(name):
    ...     assert CategoryFilter.only(name).allows(name)
    >>> test_any_name_can_be_listed()
    """
    return _NAMES


@st.composite
def categories(draw: DrawFn, *, max_size: int = 8) -> Categories:
    """Return a strategy for known sets, with labels and renamed categories.

    >>> from hypothesis import given
    >>> @given(categories(max_size=3))
    ... def test_renamed_categories_have_a_new_name(known):
    ...     assert known.unknown(CategoryFilter.only(*known.renamed.values())) == ()
    >>> test_renamed_categories_have_a_new_name()

    Args:
        draw: Passed by Hypothesis.
        max_size: The maximum number of categories.
    """
    labels = draw(st.dictionaries(_NAMES, _LABELS, max_size=max_size))
    renamed: dict[str, str] = {}
    if labels:
        new = [*labels]
        for name, number in draw(_RENAMED).items():
            if name not in labels:
                renamed[name] = new[number % len(new)]
    return Categories(labels, renamed=renamed)


def filters(categories: Categories | None = None) -> SearchStrategy[CategoryFilter]:
    """Return a strategy for filters: include lists, exclude lists, `*` and `-*`.

    >>> from hypothesis import given
    >>> known = Categories(["news", "ads"])
    >>> @given(filters(known))
    ... def test_every_known_filter_is_valid(f):
    ...     assert known.parse(str(f)) == f
    >>> test_every_known_filter_is_valid()

    Args:
        categories: The known set that names are taken from. By default, filters list any names.
    """
    listed = _LISTS
    if categories is not None:
        listed = st.frozensets(st.sampled_from([*categories]) if categories else st.nothing())
    return st.builds(_create, _CONSTRUCTORS, listed)


def _create(constructor: Callable[..., CategoryFilter], listed: frozenset[str]) -> CategoryFilter:
    return constructor(*listed)


@st.composite
def spellings(draw: DrawFn, f: CategoryFilter) -> str:
    """Return a strategy for strings that mean a filter: any order, duplicates and whitespace.

    >>> from hypothesis import given
    >>> @given(spellings(CategoryFilter("-ads,news")))
    ... def test_every_spelling_is_accepted(text):
    ...     assert str(CategoryFilter(text)) == "-ads,news"
    >>> test_every_spelling_is_accepted()

    Args:
        draw: Passed by Hypothesis.
        f: The filter.
    """
    listed = draw(st.permutations(sorted(f.names)))
    if listed:
        listed += draw(st.lists(st.sampled_from(listed), max_size=2))
    body = ",".join(f"{draw(_SPACES)}{name}{draw(_SPACES)}" for name in listed)
    minus = "-" + draw(_SPACES) if str(f).startswith("-") else ""
    return f"{draw(_EDGES)}{minus}{body or '*'}{draw(_EDGES)}"


def texts() -> SearchStrategy[str]:
    """Return a strategy for input: valid filters, nearly valid ones, and hostile strings.

    Hostile strings have look-alikes, invisible and control characters, lone surrogates, or are too
    long.

    >>> from hypothesis import given
    >>> @given(texts())
    ... def test_input_is_accepted_or_rejected(text):
    ...     try:
    ...         CategoryFilter(text)
    ...     except ValueError as error:
    ...         assert error.summary()
    >>> test_input_is_accepted_or_rejected()
    """
    nearly_valid = st.lists(st.sampled_from(_NEARLY_VALID)).map("".join)
    hostile = st.text(_HOSTILE, max_size=12)
    too_long = st.sampled_from("a,-").map(lambda char: char * (MAX_LENGTH + 1))
    return st.one_of(filters().flatmap(spellings), nearly_valid, hostile, st.text() | too_long)


st.register_type_strategy(CategoryFilter, filters())
st.register_type_strategy(Categories, categories())

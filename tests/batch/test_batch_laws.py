"""In every engine, each function returns exactly what a loop over `allows` returns."""

from collections import Counter

import pytest
from engines import ENGINES, rows
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import filters, names, spellings, texts

from category_filter import Categories, CategoryFilter, CategoryFilterError
from category_filter.batch import audience, deliveries, filter_events, precompute

# Engines cannot store lone surrogates.
stored = (filters.flatmap(spellings) | texts.filter(lambda text: text.isprintable())) | st.none()
categories = names | st.sampled_from(["news", "other"]) | st.none()
known_sets = st.lists(names, unique=True, max_size=8).map(Categories)
keys = st.integers(0, 3)
parts = st.sampled_from(["x", "y", None])

every_engine = pytest.mark.parametrize("engine", ENGINES)


def columns(listed, *names):
    """Transpose rows, including zero rows."""
    return {name: [row[number] for row in listed] for number, name in enumerate(names)}


def filter_or_nothing(text):
    try:
        return CategoryFilter("*" if text is None else text)
    except CategoryFilterError:
        return CategoryFilter("-*")


def precomputed_row(text, known):
    """Return what `precompute` adds to one row."""
    try:
        f = CategoryFilter("*" if text is None else text)
    except CategoryFilterError as error:
        return None, 0, None, error.summary()
    return str(f), known.mask(f), ",".join(known.unknown(f)) or None, None


def examples(engine, law):
    """Run fewer examples in the engines that take long for each."""
    slow = {"PySpark": 4, "Dask": 20, "DuckDB": 60}
    return settings(max_examples=slow.get(engine, 200))(law)


@every_engine
def test_precompute_equals_a_loop_over_the_rows(engine):
    @given(st.lists(stored, max_size=20), known_sets)
    def law(listed, known):
        subscriptions = ENGINES[engine](
            {"number": [*range(len(listed))], "category_filter": listed}
        )
        result = precompute(subscriptions, known)
        assert type(result) is type(subscriptions)
        in_order = sorted if engine == "PySpark" else list
        assert in_order(rows(result)) == [
            (number, text, *precomputed_row(text, known)) for number, text in enumerate(listed)
        ]

    examples(engine, law)()


@every_engine
def test_filter_events_equals_allows_for_each_row(engine):
    @given(st.lists(categories, max_size=20), filters)
    def law(listed, f):
        events = ENGINES[engine]({"number": [*range(len(listed))], "category": listed})
        result = filter_events(events, f)
        assert type(result) is type(events)
        assert sorted(rows(result)) == [
            (number, category)
            for number, category in enumerate(listed)
            if category is not None and f.allows(category)
        ]

    examples(engine, law)()


@every_engine
def test_audience_equals_the_number_of_rows_that_allow_each_category(engine):
    @given(st.lists(stored, max_size=20), known_sets)
    def law(listed, known):
        subscriptions = ENGINES[engine]({"category_filter": listed})
        result = audience(subscriptions, known, invalid="deny")
        assert type(result) is type(subscriptions)
        assert rows(result) == [
            (category, sum(filter_or_nothing(text).allows(category) for text in listed))
            for category in known
        ]

    examples(engine, law)()


@every_engine
def test_deliveries_equal_the_pairs_of_a_nested_loop(engine):
    @given(
        st.lists(st.tuples(keys, parts, stored), max_size=12),
        st.lists(st.tuples(keys, parts, categories), max_size=12),
    )
    def law(subscriptions, events):
        result = deliveries(
            ENGINES[engine](columns(subscriptions, "key", "part", "category_filter")),
            ENGINES[engine](columns(events, "key", "part", "category")),
            on=["key", "part"],
            invalid="deny",
        )
        assert Counter(rows(result)) == Counter(
            (*key, category, text)
            for *key, category in events
            for *owner, text in subscriptions
            if owner == key and None not in (*key, category)  # a null is equal to nothing
            if filter_or_nothing(text).allows(category)
        )

    examples(engine, law)()

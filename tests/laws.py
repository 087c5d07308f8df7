"""The laws of the dataframe functions: on random tables, they equal a loop over `allows`."""

from collections import Counter, defaultdict
from functools import cache

from engines import ENGINES, rows
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from category_filter import Categories, CategoryFilter, CategoryFilterError
from category_filter.batch import audience, deliveries, filter_events, precompute
from category_filter.testing import filters, names, spellings, texts

# Engines cannot store lone surrogates.
stored = (
    filters().flatmap(spellings) | texts().filter(lambda text: text.isprintable())
) | st.none()
categories = names() | st.sampled_from(["news", "other"]) | st.none()
known_sets = st.lists(names(), unique=True, max_size=8).map(Categories)
keys = st.integers(0, 3)
parts = st.sampled_from(["x", "y", None])

filter_tables = st.lists(stored, max_size=20)
category_tables = st.lists(categories, max_size=20)
subscription_tables = st.lists(st.tuples(keys, parts, stored), max_size=12)
event_tables = st.lists(st.tuples(keys, parts, categories), max_size=12)


@cache
def drawn(strategy, count=60):
    """Draw many examples, for engines that take as long for one row as for thousands."""
    examples = []

    @settings(max_examples=count, database=None, phases=[Phase.generate])
    @given(strategy)
    def draw(example):
        examples.append(example)

    draw()
    return examples


@cache
def meaning(text):
    """Return the filter of a row and its error, one of which is None."""
    try:
        return CategoryFilter("*" if text is None else text), None
    except CategoryFilterError as error:
        return None, error.summary()


def filter_or_nothing(text):
    return meaning(text)[0] or CategoryFilter("-*")


def precomputed_row(text, known):
    """Return what `precompute` adds to one row."""
    f, error = meaning(text)
    if f is None:
        return None, 0, None, error
    return str(f), known.mask(f), ",".join(known.unknown(f)) or None, None


def columns(listed, *names):
    """Transpose rows, including zero rows."""
    return {name: [row[number] for row in listed] for number, name in enumerate(names)}


def check_precompute(engine, listed, known):
    table = {"number": [*range(len(listed))], "category_filter": listed}
    subscriptions = ENGINES[engine](table)
    result = precompute(subscriptions, known)
    assert type(result) is type(subscriptions)
    in_order = sorted if engine == "PySpark" else list
    assert (engine, in_order(rows(result))) == (
        engine,
        [(number, text, *precomputed_row(text, known)) for number, text in enumerate(listed)],
    )


def check_filter_events(engine, listed, f):
    events = ENGINES[engine]({"number": [*range(len(listed))], "category": listed})
    result = filter_events(events, f)
    assert type(result) is type(events)
    assert (engine, sorted(rows(result))) == (
        engine,
        [
            (number, category)
            for number, category in enumerate(listed)
            if category is not None and f.allows(category)
        ],
    )


def check_audience(engine, listed, known):
    subscriptions = ENGINES[engine]({"category_filter": listed})
    result = audience(subscriptions, known, invalid="deny")
    assert type(result) is type(subscriptions)
    wanted = [filter_or_nothing(text) for text in listed]
    assert (engine, rows(result)) == (
        engine,
        [(category, sum(f.allows(category) for f in wanted)) for category in known],
    )


def check_deliveries(engine, subscriptions, events):
    result = deliveries(
        ENGINES[engine](columns(subscriptions, "key", "part", "category_filter")),
        ENGINES[engine](columns(events, "key", "part", "category")),
        on=["key", "part"],
        invalid="deny",
    )
    owners = defaultdict(list)
    for row in subscriptions:
        owners[row[0]].append(row)
    assert (engine, Counter(rows(result))) == (
        engine,
        Counter(
            (*key, category, text)
            for *key, category in events
            for *owner, text in owners[key[0]]
            if owner == key and None not in (*key, category)  # a null is equal to nothing
            if filter_or_nothing(text).allows(category)
        ),
    )


LAWS = {
    "precompute": (check_precompute, filter_tables, known_sets),
    "filter_events": (check_filter_events, category_tables, filters()),
    "audience": (check_audience, filter_tables, known_sets),
    "deliveries": (check_deliveries, subscription_tables, event_tables),
}
"""Each function's law, and the strategies for its arguments."""


def check_large_tables(engine):
    """Check every law on a few large tables, each made of many random ones."""
    listed = [text for table in drawn(filter_tables) for text in table]
    *_, known = drawn(known_sets, 8)  # the first ones are the simplest
    check_precompute(engine, listed, known)
    check_audience(engine, listed, known)
    categories_listed = [name for table in drawn(category_tables) for name in table]
    for f in drawn(filters(), 8)[-2:]:
        check_filter_events(engine, categories_listed, f)
    subscriptions, events = (
        [(number * 4 + key, *row) for number, table in enumerate(tables) for key, *row in table]
        for tables in (drawn(subscription_tables), drawn(event_tables))
    )
    check_deliveries(engine, subscriptions, events)

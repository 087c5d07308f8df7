"""Tables in every engine: exactly what `allows` says of each row."""

import subprocess
import sys
from collections import Counter

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from engines import ENGINES, arrow_table, duckdb_table, pandas_table, polars_table, rows
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import filters, names, spellings, texts

from category_filter import Categories, CategoryFilter, CategoryFilterError
from category_filter.batch import audience, deliveries, keep, precompute

# No engine holds half a character.
stored = (filters.flatmap(spellings) | texts.filter(lambda text: text.isprintable())) | st.none()
categories = names | st.sampled_from(["news", "other"]) | st.none()
known_sets = st.lists(names, unique=True, max_size=8).map(Categories)
keys = st.integers(0, 3)

every_engine = pytest.mark.parametrize("engine", ENGINES)


def table(engine, columns):
    return ENGINES[engine](columns)


def columns(listed, *names):
    """Rows as columns, also if there are none."""
    return {name: [row[number] for row in listed] for number, name in enumerate(names)}


def parsed(text, missing="*"):
    return CategoryFilter(missing if text is None else text)


def denied(text, missing="*"):
    try:
        return parsed(text, missing)
    except CategoryFilterError:
        return CategoryFilter("-*")


def by_loop(text, known):
    """What `precompute` adds to one row."""
    try:
        f = parsed(text)
    except CategoryFilterError as error:
        return None, 0, None, error.summary()
    return str(f), known.mask(f), ",".join(known.unknown(f)) or None, None


def examples(engine, law):
    """Fewer, but longer, where each takes a second."""
    slow = {"PySpark": 4, "Dask": 20, "DuckDB": 60}
    return settings(max_examples=slow.get(engine, 100))(law)


class TestLaws:
    @every_engine
    def test_precompute_is_the_loop_over_all_rows(self, engine):
        @given(st.lists(stored, max_size=20), known_sets)
        def law(listed, known):
            subs = table(engine, {"number": [*range(len(listed))], "category_filter": listed})
            result = precompute(subs, known)
            assert type(result) is type(subs)
            assert sorted(rows(result)) == [
                (number, text, *by_loop(text, known)) for number, text in enumerate(listed)
            ]

        examples(engine, law)()

    @every_engine
    def test_keep_is_the_filter_of_all_rows(self, engine):
        @given(st.lists(categories, max_size=20), filters)
        def law(listed, f):
            events = table(engine, {"number": [*range(len(listed))], "category": listed})
            kept = keep(events, f)
            assert type(kept) is type(events)
            assert sorted(rows(kept)) == [
                (number, category)
                for number, category in enumerate(listed)
                if category is not None and f.allows(category)
            ]

        examples(engine, law)()

    @every_engine
    def test_audience_is_the_count_of_all_rows(self, engine):
        @given(st.lists(stored, max_size=20), known_sets)
        def law(listed, known):
            subs = table(engine, {"category_filter": listed})
            counted = audience(subs, known, invalid="deny")
            assert type(counted) is type(subs)
            assert rows(counted) == [
                (category, sum(denied(text).allows(category) for text in listed))
                for category in known
            ]

        examples(engine, law)()

    @every_engine
    def test_deliveries_are_the_pairs_that_a_nested_loop_finds(self, engine):
        @given(
            st.lists(st.tuples(keys, stored), max_size=12),
            st.lists(st.tuples(keys, categories), max_size=12),
        )
        def law(subs, events):
            found = deliveries(
                table(engine, columns(subs, "key", "category_filter")),
                table(engine, columns(events, "key", "category")),
                on="key",
                invalid="deny",
            )
            assert Counter(rows(found)) == Counter(
                (key, category, text)
                for key, category in events
                for owner, text in subs
                if owner == key and category is not None and denied(text).allows(category)
            )

        examples(engine, law)()


KNOWN = Categories({"news": "News", "ads": "Offers", "log": "Logs"})
SUBS = {
    "number": [0, 1, 2, 3, 4],
    "category_filter": ["-ads", "old, news", None, "news;ads", "*"],
}
EVENTS = {"number": [0, 1, 2, 3, 4], "category": ["ads", "news", None, "new", "log"]}


class TestPrecompute:
    @every_engine
    def test_every_kind_of_row(self, engine):
        assert sorted(rows(precompute(table(engine, SUBS), KNOWN))) == [
            (0, "-ads", "-ads", 0b101, None, None),
            (1, "old, news", "news,old", 0b001, "old", None),
            (2, None, "*", 0b111, None, None),
            (
                *(3, "news;ads", None, 0, None),
                "write ',' instead of ';'; did you mean 'news,ads'?",
            ),
            (4, "*", "*", 0b111, None, None),
        ]

    @every_engine
    def test_no_rows_and_nothing_but_nulls(self, engine):
        for listed in ([], [None, None]):
            subs = table(engine, {"category_filter": listed})
            assert rows(precompute(subs, KNOWN)) == [(None, "*", 0b111, None, None)] * len(listed)

    @pytest.mark.parametrize(
        "subs",
        [
            pl.DataFrame({"category_filter": [None]}),
            pa.table({"category_filter": pa.nulls(1)}),
            pd.DataFrame({"category_filter": [None]}, dtype="object"),
            pl.LazyFrame({"category_filter": [None]}),
        ],
        ids=["Polars", "PyArrow", "pandas", "Polars lazy"],
    )
    def test_a_column_that_is_null_throughout_has_no_type(self, subs):
        assert rows(precompute(subs, KNOWN, mask=False)) == [(None, "*", None, None)]
        assert rows(keep(subs, "-x", "category_filter")) == []
        assert rows(audience(subs, KNOWN)) == [("news", 1), ("ads", 1), ("log", 1)]

    def test_pandas_keeps_order_and_index_and_integers(self):
        subs = pandas_table("str")(SUBS).set_axis([7, 7, "x", None, 0])
        result = precompute(subs, KNOWN)
        pd.testing.assert_frame_equal(result[[*SUBS]], subs)
        assert result["mask"].dtype == "int64"
        assert result["mask"].tolist() == [0b101, 0b001, 0b111, 0, 0b111]

    @pytest.mark.parametrize("engine", ["Polars", "PyArrow", "pandas categorical"])
    def test_eager_frames_keep_their_order(self, engine):
        listed = ["news", "-news", None, "*", "a;b"] * 100
        subs = table(engine, {"number": [*range(500)], "category_filter": listed})
        assert [row[0] for row in rows(precompute(subs, KNOWN))] == [*range(500)]

    @every_engine
    def test_options(self, engine):
        subs = table(engine, {"wanted": ["news", None], "mask": ["x", "y"]})
        result = precompute(subs, KNOWN, "wanted", mask=False, suffix="_now", missing="- log")
        assert sorted(rows(result), key=str) == [
            ("news", "x", "news", None, None),
            (None, "y", "-log", None, None),
        ]

    def test_a_mask_of_63_categories_and_no_more(self):
        subs = polars_table({"category_filter": ["*"]})
        many = Categories([f"c{number}" for number in range(63)])
        assert precompute(subs, many)["mask"].to_list() == [2**63 - 1]
        more = Categories([*many, "c63"])
        assert precompute(subs, more, mask=False).columns == [
            *("category_filter", "canonical", "unknown", "error"),
        ]
        with pytest.raises(ValueError, match=r"room for 63 categories") as caught:
            precompute(subs, more)
        assert str(caught.value) == (
            "a mask has room for 63 categories, not 64: do without it (mask=False, --no-mask)"
        )


class TestInvalid:
    @every_engine
    def test_what_a_result_could_not_show_is_raised(self, engine):
        bad = ["a;b", "a;b", "x,,y", "-a,-b", "a b", "$", "*,a", None, "fine"]
        subs = table(engine, {"category_filter": bad, "key": [1] * len(bad)})
        events = table(engine, {"category": ["a"], "key": [1]})
        message = (
            "7 rows hold no filter in 'category_filter' (invalid='deny' denies them all):\n"
            "    'a;b': write ',' instead of ';'; did you mean 'a,b'?\n"
            "    '$': invalid character '$': names use A-Z a-z 0-9 _ . : / -\n"
            "    '*,a': '*' cannot be combined with names\n"
            "    '-a,-b': write '-' once, before the whole list;"
            " did you mean '-a,b'?\n"
            "    'a b': expected a comma before this name; did you mean 'a,b'?\n"
            "    and 1 more"
        )
        for use in (lambda: audience(subs, KNOWN), lambda: deliveries(subs, events, "key")):
            with pytest.raises(ValueError, match=r"rows hold no filter") as caught:
                use()
            assert str(caught.value) == message

    def test_there_is_no_other_way(self):
        with pytest.raises(ValueError, match=r"^invalid is 'raise' or 'deny', not 'denied'$"):
            audience(polars_table(SUBS), KNOWN, invalid="denied")

    def test_one_row(self):
        with pytest.raises(ValueError, match=r"^1 row holds no filter in 'f' \(invalid"):
            audience(polars_table({"f": ["a,"]}), KNOWN, "f")


class TestDeliveries:
    def test_columns_of_the_event_first_then_of_the_subscription(self):
        subs = polars_table({"f": ["*"], "key": [1], "note": ["s"], "device": ["phone"]})
        events = polars_table({"note": ["e"], "c": ["news"], "key": [1]})
        found = deliveries(subs, events, ["key"], "f", "c")
        assert found.columns == ["note", "c", "key", "f", "note_right", "device"]
        assert found.rows() == [("e", "news", 1, "*", "s", "phone")]

    @every_engine
    def test_a_key_of_two_columns_and_a_default(self, engine):
        subs = table(engine, {"key": [1, 1], "part": ["a", "b"], "category_filter": [None, "*"]})
        events = table(engine, {"key": [1, 1], "part": ["a", "b"], "category": ["ads", "ads"]})
        found = deliveries(subs, events, ["key", "part"], missing="-ads")
        assert rows(found) == [(1, "b", "ads", "*")]


class TestTables:
    def test_a_subclass_is_a_table_of_its_kind(self):
        class Mine(pd.DataFrame):
            pass

        found = deliveries(
            Mine(pandas_table("str")(SUBS)), pandas_table("str")(EVENTS), "number", invalid="deny"
        )
        assert len(found) == 2

    def test_two_of_different_kinds_are_not_joined(self):
        message = (
            r"^both tables are of one kind, not polars.dataframe.frame.DataFrame"
            r" and polars.lazyframe.frame.LazyFrame$"
        )
        with pytest.raises(TypeError, match=message):
            deliveries(polars_table(SUBS), polars_table(EVENTS).lazy(), "number")

    def test_of_a_connection_of_your_own(self):
        with duckdb.connect() as connection:
            subs = duckdb_table(SUBS, connection)
            events = duckdb_table({"number": [0], "category": ["news"]}, connection)
            assert len(rows(precompute(subs, KNOWN))) == 5
            found = deliveries(subs, events, "number", invalid="deny")
            assert rows(found) == [(0, "news", "-ads")]

    def test_lazy_stays_lazy(self):
        plan = precompute(pl.LazyFrame(SUBS), KNOWN).explain()
        assert "LEFT JOIN" in plan

    @pytest.mark.parametrize("engine", ["Polars", "DuckDB"])
    def test_a_limit_to_what_is_collected(self, engine):
        subs = table(engine, {"category_filter": ["a", "b", "c", "c"]})
        assert len(rows(precompute(subs, KNOWN, limit=3))) == 4
        message = (
            "there are more than 2 distinct texts in 'category_filter', each of which would be held"
            " in memory: pass a higher limit"
        )
        with pytest.raises(ValueError, match=r"distinct texts") as caught:
            precompute(subs, KNOWN, limit=2)
        assert str(caught.value) == message

    @every_engine
    def test_columns_that_are_not_there_or_hold_no_text(self, engine):
        subs = table(engine, {"key": [1], "wanted": ["*"]})
        for use in (
            lambda: keep(subs, "*"),
            lambda: keep(subs, "*", "categori"),
        ):
            with pytest.raises(
                ValueError, match=r"^there is no column 'categor[yi]+', but 'key', 'wanted'$"
            ):
                use()
        for use in (
            lambda: precompute(subs, KNOWN, "key"),
            lambda: audience(subs, KNOWN, "key"),
            lambda: keep(subs, "*", "key"),
            lambda: deliveries(subs, subs, "key", "wanted", "key"),
        ):
            with pytest.raises(TypeError, match=r"^the column 'key' holds Int64, not text$"):
                use()
        with pytest.raises(ValueError, match=r"^there is no column 'device'"):
            deliveries(subs, subs, "device", "wanted", "wanted")

    @every_engine
    def test_a_column_that_would_be_overwritten(self, engine):
        subs = table(engine, {"category_filter": ["*"], "error": ["mine"]})
        with pytest.raises(
            ValueError, match=r"^there is a column 'error' already: choose a suffix$"
        ):
            precompute(subs, KNOWN)

    @pytest.mark.parametrize("what", [["*"], {"category_filter": ["*"]}, "*", None])
    def test_what_is_no_table(self, what):
        kind = type(what).__name__
        with pytest.raises(
            TypeError,
            match=rf"^a {kind} is no table of pandas, Polars, PyArrow, DuckDB, Dask or PySpark$",
        ):
            precompute(what, KNOWN)

    def test_a_filter_that_is_none(self):
        with pytest.raises(CategoryFilterError):
            keep(arrow_table(EVENTS), "a,,b")
        with pytest.raises(CategoryFilterError):
            precompute(arrow_table(SUBS), KNOWN, missing="a,,b")


def test_without_its_extra_it_says_what_to_install():
    code = "import sys; sys.modules['narwhals'] = None; import category_filter.batch"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert result.stderr.endswith(
        "ModuleNotFoundError: tables need Narwhals: pip install 'category-filter[batch]'\n"
    )


@pytest.mark.parametrize("other", [b"-*", 5])
def test_what_is_no_text_after_many_texts_is_not_the_default(other):
    late = pd.DataFrame({"category_filter": pd.Series(["-*"] * 150 + [other], dtype=object)})
    words = f"the column 'category_filter' holds {type(other).__name__}, not only text"
    for call in (precompute, audience):
        with pytest.raises(TypeError, match=words):
            call(late, KNOWN)


def test_an_enum_without_the_default():
    enum = pl.DataFrame({"category_filter": ["-ads", None]}, {"category_filter": pl.Enum(["-ads"])})
    assert precompute(enum, KNOWN)["canonical"].to_list() == ["-ads", "*"]

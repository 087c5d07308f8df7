"""The dataframe functions: results, options and errors, in every engine."""

import copy
import pickle
import re
from functools import partial

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from engines import ENGINES, arrow_table, duckdb_relation, pandas_frame, polars_frame, rows

from category_filter import Categories, CategoryFilterError
from category_filter.batch import (
    InvalidRowsError,
    audience,
    deliveries,
    filter_events,
    precompute,
)

KNOWN = Categories({"news": "News", "ads": "Offers", "log": "Logs"})
SUBSCRIPTIONS = {
    "number": [0, 1, 2, 3, 4],
    "category_filter": ["-ads", "old, news,former", None, "news;ads", "*"],
}
EVENTS = {"number": [0, 1, 2, 3, 4], "category": ["ads", "news", None, "new", "log"]}

every_engine = pytest.mark.parametrize("engine", ENGINES)


class TestPrecompute:
    @every_engine
    def test_adds_canonical_form_mask_unknown_names_and_error(self, engine):
        subscriptions = ENGINES[engine](SUBSCRIPTIONS)
        assert sorted(rows(precompute(subscriptions, KNOWN))) == [
            (0, "-ads", "-ads", 0b101, None, None),
            (1, "old, news,former", "former,news,old", 0b001, "former,old", None),
            (2, None, "*", 0b111, None, None),
            (
                *(3, "news;ads", None, 0, None),
                "write ',' instead of ';'; did you mean 'news,ads'?",
            ),
            (4, "*", "*", 0b111, None, None),
        ]

    @every_engine
    def test_accepts_no_rows_and_only_nulls(self, engine):
        for listed in ([], [None, None]):
            subscriptions = ENGINES[engine]({"category_filter": listed})
            expected = [(None, "*", 0b111, None, None)] * len(listed)
            assert rows(precompute(subscriptions, KNOWN)) == expected

    @pytest.mark.parametrize(
        "subscriptions",
        [
            pl.DataFrame({"category_filter": [None]}),
            pa.table({"category_filter": pa.nulls(1)}),
            pd.DataFrame({"category_filter": [None]}, dtype="object"),
            pl.LazyFrame({"category_filter": [None]}),
        ],
        ids=["Polars", "PyArrow", "pandas", "Polars lazy"],
    )
    def test_accepts_a_column_of_the_null_type(self, subscriptions):
        assert rows(precompute(subscriptions, KNOWN, mask=False)) == [(None, "*", None, None)]
        assert rows(filter_events(subscriptions, "-x", category_column="category_filter")) == []
        assert rows(audience(subscriptions, KNOWN)) == [("news", 1), ("ads", 1), ("log", 1)]

    def test_keeps_the_order_index_and_dtypes_of_pandas(self):
        subscriptions = pandas_frame("str")(SUBSCRIPTIONS).set_axis([7, 7, "x", None, 0])
        result = precompute(subscriptions, KNOWN)
        pd.testing.assert_frame_equal(result[[*SUBSCRIPTIONS]], subscriptions)
        assert result["mask"].dtype == "int64"
        assert result["mask"].tolist() == [0b101, 0b001, 0b111, 0, 0b111]

    @pytest.mark.parametrize("engine", ["Polars", "PyArrow", "pandas categorical"])
    def test_keeps_the_order_of_eager_frames(self, engine):
        listed = ["news", "-news", None, "*", "a;b"] * 100
        subscriptions = ENGINES[engine]({"number": [*range(500)], "category_filter": listed})
        assert [row[0] for row in rows(precompute(subscriptions, KNOWN))] == [*range(500)]

    @every_engine
    def test_column_mask_suffix_and_default_can_be_chosen(self, engine):
        subscriptions = ENGINES[engine]({"wanted": ["news", None], "mask": ["x", "y"]})
        result = precompute(
            subscriptions, KNOWN, filter_column="wanted", mask=False, suffix="_now", missing="- log"
        )
        assert sorted(rows(result), key=str) == [
            ("news", "x", "news", None, None),
            (None, "y", "-log", None, None),
        ]

    def test_the_names_of_the_new_columns_end_with_the_suffix(self):
        subscriptions = polars_frame({"category_filter": ["*"], "mask": ["x"]})
        assert precompute(subscriptions, KNOWN, suffix="_now").columns == [
            *("category_filter", "mask", "canonical_now", "mask_now", "unknown_now", "error_now"),
        ]

    def test_a_mask_holds_at_most_63_categories(self):
        subscriptions = polars_frame({"category_filter": ["*"]})
        most = Categories([f"c{number}" for number in range(63)])
        assert precompute(subscriptions, most)["mask"].to_list() == [2**63 - 1]
        more = Categories([*most, "c63"])
        assert precompute(subscriptions, more, mask=False).columns == [
            *("category_filter", "canonical", "unknown", "error"),
        ]
        with pytest.raises(ValueError, match=r"at most 63") as caught:
            precompute(subscriptions, more)
        assert str(caught.value) == (
            "a mask holds at most 63 categories, not 64: leave it out (mask=False, --no-mask)"
        )

    def test_an_enum_may_lack_the_default(self):
        enum = pl.Enum(["-ads"])
        subscriptions = pl.DataFrame({"category_filter": ["-ads", None]}, {"category_filter": enum})
        assert precompute(subscriptions, KNOWN)["canonical"].to_list() == ["-ads", "*"]

    @every_engine
    def test_an_existing_column_is_not_overwritten(self, engine):
        subscriptions = ENGINES[engine]({"category_filter": ["*"], "error": ["mine"]})
        message = "column 'error' already exists: choose a suffix (suffix=, --suffix)"
        with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
            precompute(subscriptions, KNOWN)


class TestInvalidRows:
    @every_engine
    def test_audience_and_deliveries_raise(self, engine):
        listed = ["a;b", "a;b", "x,,y", "-a,-b", "a b", "$", "*,a", None, "valid"]
        events = {"category": ["a"], "key": [1]}
        for use in (
            lambda subscriptions: audience(subscriptions, KNOWN),
            lambda subscriptions: deliveries(subscriptions, ENGINES[engine](events), "key"),
        ):
            subscriptions = ENGINES[engine]({"category_filter": listed, "key": [1] * len(listed)})
            with pytest.raises(InvalidRowsError) as caught:
                use(subscriptions)
            assert str(caught.value) == (
                "7 rows have an invalid filter in column 'category_filter'"
                " (invalid='deny' treats them as '-*'):\n"
                "    'a;b': write ',' instead of ';'; did you mean 'a,b'?\n"
                "    '$': invalid character '$': names use A-Z a-z 0-9 _ . : / -\n"
                "    '*,a': '*' cannot be combined with names\n"
                "    '-a,-b': write '-' once, before the whole list; did you mean '-a,b'?\n"
                "    'a b': expected a comma before this name; did you mean 'a,b'?\n"
                "    and 1 more"
            )
            assert caught.value.count == 7
            assert [*caught.value.errors] == ["a;b", "$", "*,a", "-a,-b", "a b", "x,,y"]

    def test_the_message_for_one_row_is_singular(self):
        with pytest.raises(InvalidRowsError) as caught:
            audience(polars_frame({"f": ["a,"]}), KNOWN, filter_column="f")
        assert str(caught.value) == (
            "1 row has an invalid filter in column 'f' (invalid='deny' treats them as '-*'):\n"
            "    'a,': expected a name after ','; did you mean 'a'?"
        )
        assert (caught.value.column, caught.value.count) == ("f", 1)
        assert caught.value.errors == {"a,": "expected a name after ','; did you mean 'a'?"}

    @pytest.mark.parametrize("clone", [lambda it: pickle.loads(pickle.dumps(it)), copy.copy])
    def test_the_error_survives_pickle_and_copy(self, clone):
        error = InvalidRowsError("f", 3, {"a,": "one", "b,": "two"})
        error.add_note("note")
        restored = clone(error)
        assert type(restored) is InvalidRowsError
        assert str(restored) == str(error)
        assert vars(restored) == vars(error)
        assert isinstance(restored, ValueError)

    def test_the_error_names_the_column_of_the_subscriptions(self):
        subscriptions = polars_frame({"key": [1], "f": ["a,"]})
        events = polars_frame({"key": [1], "f": ["an event's column"], "category": ["a"]})
        with pytest.raises(InvalidRowsError, match=r"in column 'f' \("):
            deliveries(subscriptions, events, "key", filter_column="f")

    def test_the_option_must_be_raise_or_deny(self):
        with pytest.raises(ValueError, match=r"^invalid must be 'raise' or 'deny', not 'denied'$"):
            audience(polars_frame(SUBSCRIPTIONS), KNOWN, invalid="denied")
        lazy, events = polars_frame(SUBSCRIPTIONS).lazy(), polars_frame(EVENTS).lazy()
        with pytest.raises(ValueError, match=r"^invalid must be 'raise' or 'deny', not 'denied'$"):
            deliveries(lazy, events, "number", invalid="denied")


class TestDeliveries:
    @every_engine
    def test_the_key_names_at_least_one_column(self, engine):
        subscriptions, events = ENGINES[engine](SUBSCRIPTIONS), ENGINES[engine](EVENTS)
        with pytest.raises(ValueError, match=r"^on must name at least one column$"):
            deliveries(subscriptions, events, [])
        valid = {name: values[:1] for name, values in SUBSCRIPTIONS.items()}
        found = deliveries(ENGINES[engine](valid), events, ["number", "number"])
        assert rows(found) == []

    def test_the_event_columns_come_first(self):
        subscriptions = polars_frame({"f": ["*"], "key": [1], "note": ["s"], "device": ["phone"]})
        events = polars_frame({"note": ["e"], "c": ["news"], "key": [1]})
        found = deliveries(subscriptions, events, ["key"], filter_column="f", category_column="c")
        assert found.columns == ["note", "c", "key", "f", "note_right", "device"]
        assert found.rows() == [("e", "news", 1, "*", "s", "phone")]

    @pytest.mark.parametrize("invalid", ["raise", "deny"])
    @every_engine
    def test_events_may_have_a_column_named_like_the_filter_column(self, engine, invalid):
        subscriptions = ENGINES[engine]({"key": [1, 1], "f": ["-ads", "*"]})
        events = ENGINES[engine]({"key": [1], "f": ["a;b"], "category": ["ads"]})
        found = deliveries(subscriptions, events, "key", filter_column="f", invalid=invalid)
        assert rows(found) == [(1, "a;b", "ads", "*")]

    @every_engine
    def test_the_key_may_have_two_columns_and_nulls_another_filter(self, engine):
        make = ENGINES[engine]
        subscriptions = make({"key": [1, 1], "part": ["a", "b"], "category_filter": [None, "*"]})
        events = make({"key": [1, 1], "part": ["a", "b"], "category": ["ads", "ads"]})
        found = deliveries(subscriptions, events, ["key", "part"], missing="-ads")
        assert rows(found) == [(1, "b", "ads", "*")]

    def test_both_frames_must_have_the_same_type(self):
        message = (
            r"^both dataframes must have the same type, got polars.dataframe.frame.DataFrame"
            r" and polars.lazyframe.frame.LazyFrame: convert one$"
        )
        with pytest.raises(TypeError, match=message):
            deliveries(polars_frame(SUBSCRIPTIONS), polars_frame(EVENTS).lazy(), "number")

    def test_both_relations_must_have_the_same_connection(self):
        with duckdb.connect() as one, duckdb.connect() as other:
            subscriptions, events = (
                duckdb_relation(SUBSCRIPTIONS, one),
                duckdb_relation(EVENTS, other),
            )
            message = r"^both relations must belong to the same DuckDB connection$"
            with pytest.raises(ValueError, match=message):
                deliveries(subscriptions, events, "number", invalid="deny")


class TestDataframes:
    def test_a_subclass_is_accepted(self):
        class Subclass(pd.DataFrame):
            pass

        subscriptions = Subclass(pandas_frame("str")(SUBSCRIPTIONS))
        events = pandas_frame("str")(EVENTS)
        assert len(deliveries(subscriptions, events, "number", invalid="deny")) == 2

    def test_a_duckdb_connection_of_your_own_is_used(self):
        with duckdb.connect() as connection:
            subscriptions = duckdb_relation(SUBSCRIPTIONS, connection)
            events = duckdb_relation({"number": [0], "category": ["news"]}, connection)
            assert len(rows(precompute(subscriptions, KNOWN))) == 5
            found = deliveries(subscriptions, events, "number", invalid="deny")
            assert rows(found) == [(0, "news", "-ads")]

    def test_lazy_frames_stay_lazy(self):
        def fail(rows):
            raise AssertionError(rows)

        frame = polars_frame(SUBSCRIPTIONS).lazy()
        source = frame.map_batches(fail, schema=frame.collect_schema())
        assert precompute(source, KNOWN).collect_schema().names() == [
            *("number", "category_filter", "canonical", "mask", "unknown", "error"),
        ]

    @every_engine
    def test_the_number_of_distinct_filters_is_limited(self, engine):
        subscriptions = partial(
            ENGINES[engine], {"key": [1] * 5, "category_filter": ["a", "b", None, "news", "news"]}
        )
        events = partial(ENGINES[engine], {"key": [1], "category": ["news"]})
        uses = {
            lambda limit: audience(subscriptions(), KNOWN, limit=limit): 3,
            lambda limit: deliveries(subscriptions(), events(), "key", limit=limit): 3,
        }
        if engine in {"Polars", "DuckDB", "PySpark"}:
            uses[lambda limit: precompute(subscriptions(), KNOWN, limit=limit)] = 5
        message = (
            "more than 2 distinct filters in column 'category_filter', all of them held in memory:"
            " raise the limit to allow more"
        )
        for use, count in uses.items():
            assert len(rows(use(3))) == count
            with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
                use(2)

    @every_engine
    def test_columns_must_exist(self, engine):
        frame = ENGINES[engine]({"key": [1], "wanted": ["*"]})
        for column in ("category", "categori"):
            message = rf"^no column '{column}': pass category_column= with one of 'key', 'wanted'$"
            with pytest.raises(ValueError, match=message):
                filter_events(frame, "*", category_column=column)
            with pytest.raises(ValueError, match=message):
                deliveries(frame, frame, "key", filter_column="wanted", category_column=column)
        for use in (precompute, audience):
            message = (
                r"^no column 'category_filter': pass filter_column= with one of 'key', 'wanted'$"
            )
            with pytest.raises(ValueError, match=message):
                use(frame, KNOWN)
        with pytest.raises(ValueError, match=r"^no column 'device': pass on= with one of 'key'"):
            deliveries(frame, frame, "device", filter_column="wanted", category_column="wanted")

    @every_engine
    def test_columns_must_hold_strings(self, engine):
        frame = ENGINES[engine]({"key": [1], "wanted": ["*"]})
        for use in (
            lambda: precompute(frame, KNOWN, filter_column="key"),
            lambda: audience(frame, KNOWN, filter_column="key"),
            lambda: filter_events(frame, "*", category_column="key"),
            lambda: deliveries(frame, frame, "key", filter_column="wanted", category_column="key"),
        ):
            with pytest.raises(TypeError, match=r"^column 'key' must hold strings, not Int64$"):
                use()

    @pytest.mark.parametrize("row", [0, 150])
    @pytest.mark.parametrize("other", [b"-*", 5])
    @pytest.mark.parametrize("use", [precompute, audience])
    def test_a_single_value_of_another_type_is_rejected(self, row, other, use):
        values = pd.Series(["-*"] * row + [other] + ["-*"] * (150 - row), dtype=object)
        message = f"^column 'category_filter' must hold strings, not {type(other).__name__}$"
        with pytest.raises(TypeError, match=message):
            use(pd.DataFrame({"category_filter": values}), KNOWN)

    @pytest.mark.parametrize("other", [["*"], {"category_filter": ["*"]}, "*", None])
    def test_other_types_are_rejected(self, other):
        with pytest.raises(TypeError) as caught:
            precompute(other, KNOWN)
        assert str(caught.value) == (
            "expected a pandas, Polars, PyArrow, DuckDB, Dask or PySpark dataframe, got"
            f" {type(other).__name__}"
        )

    def test_an_invalid_filter_argument_raises(self):
        with pytest.raises(CategoryFilterError):
            filter_events(arrow_table(EVENTS), "a,,b")
        with pytest.raises(CategoryFilterError):
            precompute(arrow_table(SUBSCRIPTIONS), KNOWN, missing="a,,b")

"""The engines: what they keep, and which columns and sources they read."""

import re

import dask.dataframe
import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds
import pytest
from engines import ENGINES, arrow_array, duckdb_relation, rows

from category_filter import Categories
from category_filter.batch import audience, deliveries, filter_events, precompute

KNOWN = Categories(["news", "News"])
LISTED = ["news", "-news", None, "*", "a;b"] * 200
UNORDERED = {"PySpark"}


class TestOrder:
    @pytest.mark.parametrize("engine", [each for each in ENGINES if each not in UNORDERED])
    def test_rows_keep_their_order(self, engine):
        frame = ENGINES[engine]({"number": [*range(1000)], "category_filter": LISTED})
        assert [row[0] for row in rows(precompute(frame, KNOWN))] == [*range(1000)]

    def test_a_lazy_frame_is_written_in_order(self, tmp_path):
        frame = pl.LazyFrame({"number": range(1000), "category_filter": LISTED})
        precompute(frame, KNOWN).sink_parquet(tmp_path / "out.parquet")
        assert pl.read_parquet(tmp_path / "out.parquet")["number"].to_list() == [*range(1000)]

    def test_dask_keeps_the_index_and_its_divisions(self):
        index = pd.Index([3, 5, 8, 9], name="device")
        frame = pd.DataFrame({"category_filter": ["news", None, "a;b", "*"]}, index)
        result = precompute(dask.dataframe.from_pandas(frame, npartitions=2), KNOWN)
        assert result.divisions == (3, 8, 9)
        assert result.compute().index.equals(index)


class TestChangingSources:
    def test_a_lazy_frame_is_read_once(self):
        reads = []

        def read(_):
            reads.append(1)
            return pl.DataFrame({"category_filter": [f"n{len(reads)}"]})

        source = pl.LazyFrame({"category_filter": ["x"]}).map_batches(read)
        assert precompute(source, KNOWN).collect().rows() == [("n1", "n1", 0, "n1", None)]

    def test_a_row_that_changed_meanwhile_has_an_error(self):
        frame = duckdb.sql("SELECT CAST(uuid() AS VARCHAR) AS category_filter")
        ((_, *added),) = precompute(frame, KNOWN).fetchall()
        message = "the filter changed while the table was read: run precompute again"
        assert added == [None, 0, None, message]


class TestDuckDB:
    def test_python_variable_lookup_may_be_disabled(self):
        with duckdb.connect(config={"python_enable_replacements": "false"}) as connection:
            frame = duckdb_relation({"key": [1], "category_filter": ["-news"]}, connection)
            events = duckdb_relation({"key": [1], "category": ["ads"]}, connection)
            assert precompute(frame, KNOWN).fetchall() == [(1, "-news", "-news", 2, None, None)]
            assert deliveries(frame, events, "key").fetchall() == [(1, "ads", "-news")]
            assert audience(frame, KNOWN).fetchall() == [("news", 0), ("News", 1)]

    def test_names_may_have_dots_and_quotes_and_differ_only_in_case(self):
        frame = duckdb.sql("""SELECT 1 "a.b", 's' "Note", '-news' "f.g", 2 "qu""ote" """)
        assert precompute(frame, KNOWN, filter_column="f.g").fetchall() == [
            (1, "s", "-news", 2, "-news", 2, None, None),
        ]
        events = duckdb.sql("""SELECT 1 "a.b", 'e' note, 'ads' "c.d" """)
        assert filter_events(events, "ads", category_column="c.d").fetchall() == [(1, "e", "ads")]
        found = deliveries(frame, events, "a.b", filter_column="f.g", category_column="c.d")
        assert found.columns == ["a.b", "note", "c.d", "Note_right", "f.g", 'qu"ote']
        assert found.fetchall() == [(1, "e", "ads", "s", "-news", 2)]

    def test_a_column_that_differs_only_in_case_is_not_overwritten(self):
        frame = duckdb.sql("SELECT '*' AS category_filter, 1 AS Error")
        message = "column 'Error' already exists: choose a suffix (suffix=, --suffix)"
        with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
            precompute(frame, KNOWN)

    def test_a_collation_does_not_make_names_equal(self):
        with duckdb.connect() as connection:
            connection.execute("CREATE TABLE t (key INT, text VARCHAR COLLATE NOCASE)")
            connection.execute("INSERT INTO t VALUES (1, 'News'), (1, 'news')")
            frame = connection.table("t")
            assert precompute(frame, KNOWN, filter_column="text").fetchall() == [
                (1, "News", "News", 2, None, None),
                (1, "news", "news", 1, None, None),
            ]
            assert audience(frame, KNOWN, filter_column="text").fetchall() == [
                *(("news", 1), ("News", 1)),
            ]
            kept = filter_events(frame, "-news", category_column="text")
            assert kept.fetchall() == [(1, "News")]
            assert filter_events(frame, "-*", category_column="text").fetchall() == []
            found = deliveries(frame, frame, "key", filter_column="text", category_column="text")
            assert sorted(found.fetchall()) == [(1, "News", "News"), (1, "news", "news")]


FLOATS = [None, float("nan")]
NULLS = {
    "pandas float": pd.DataFrame({"f": [np.nan, np.nan]}),
    "pandas Int64": pd.DataFrame({"f": pd.Series([None, None], dtype="Int64")}),
    "pandas time": pd.DataFrame({"f": pd.Series([None, None], dtype="datetime64[ns]")}),
    "pandas categorical": pd.DataFrame({"f": pd.Series([None, None], dtype="category")}),
    "Dask": dask.dataframe.from_pandas(pd.DataFrame({"f": [np.nan, np.nan]}), npartitions=1),
    "Polars": pl.DataFrame({"f": FLOATS}, {"f": pl.Float64}),
    "Polars integer": pl.DataFrame({"f": [None, None]}, {"f": pl.Int8}),
    "Polars lazy": pl.LazyFrame({"f": FLOATS}, {"f": pl.Float64}),
    "PyArrow": pa.table({"f": pa.array(FLOATS, pa.float64())}),
    "DuckDB": duckdb.sql("SELECT unnest([NULL, 'nan'::DOUBLE]) AS f"),
    "DuckDB null": duckdb.sql("SELECT NULL AS f FROM range(2)"),
}


class TestTypes:
    @pytest.mark.parametrize("name", NULLS)
    def test_a_column_of_nulls_may_have_another_type(self, name):
        frame = NULLS[name]
        added = [row[1:] for row in rows(precompute(frame, KNOWN, filter_column="f"))]
        assert added == [("*", 0b11, None, None)] * 2
        assert rows(audience(frame, KNOWN, filter_column="f")) == [("news", 2), ("News", 2)]
        assert rows(filter_events(frame, "-news", category_column="f")) == []

    def test_a_reader_of_floats_is_checked_as_it_is_read(self):
        def reader(value):
            return pa.table({"f": pa.array([value], pa.float64())}).to_reader()

        assert rows(precompute(reader(None), KNOWN, filter_column="f"))[0][1] == "*"
        result = precompute(reader(1.5), KNOWN, filter_column="f")
        with pytest.raises(TypeError, match=r"^column 'f' must hold strings, not double$"):
            result.read_all()

    @pytest.mark.parametrize(
        "frame",
        [
            pd.DataFrame({"f": pd.Series([1], dtype="category")}),
            pa.table({"f": pa.array([1]).dictionary_encode()}),
            duckdb.sql("SELECT uuid() AS f"),
        ],
        ids=["pandas", "PyArrow", "DuckDB"],
    )
    def test_other_types_behind_an_encoding_are_rejected(self, frame):
        with pytest.raises(TypeError, match=r"^column 'f' must hold strings, not"):
            precompute(frame, KNOWN, filter_column="f")

    def test_unhashable_values_are_rejected(self):
        values = pd.Series(["*"] * 150 + [["*"]], dtype=object)
        with pytest.raises(TypeError, match=r"^column 'f' must hold strings, not list$"):
            precompute(pd.DataFrame({"f": values}), KNOWN, filter_column="f")

    @pytest.mark.parametrize(
        "kind",
        [
            pa.string_view(),
            pa.binary_view(),
            pa.list_(pa.string()),
            pa.dictionary(pa.int8(), pa.string_view()),
            pa.run_end_encoded(pa.int32(), pa.large_string()),
        ],
        ids=str,
    )
    def test_arrow_columns_of_any_type_pass_through(self, kind):
        value = [["a"], None] if pa.types.is_list(kind) else ["a", None]
        value = [b"a", None] if kind == pa.binary_view() else value
        other = arrow_array(value, kind)
        events = pa.table({"key": [1, 2], "category": ["news", "ads"], "e": other})
        subscriptions = pa.table({"key": [1, 1], "category_filter": ["-ads", "ads"], "s": other})
        assert filter_events(events, "news").to_pylist() == events[:1].to_pylist()
        found = deliveries(subscriptions, events, "key")
        assert found.schema.field("s").type == found.schema.field("e").type == kind
        assert found.to_pylist() == [
            {"key": 1, "category": "news", "e": value[0], "category_filter": "-ads", "s": value[0]}
        ]

    def test_arrow_keys_may_differ_in_type(self):
        subscriptions = pa.table({"key": pa.array([1], pa.int32()), "category_filter": ["*"]})
        events = pa.table({"key": pa.array([1], pa.int64()), "category": ["news"]})
        assert rows(deliveries(subscriptions, events, "key")) == [(1, "news", "*")]

    @pytest.mark.parametrize("other", [pa.null(), pa.int64(), pa.string_view()])
    def test_arrow_keys_may_be_nulls_only(self, other):
        subscriptions = pa.table({"key": pa.nulls(1), "category_filter": ["*"]})
        events = pa.table({"key": pa.array([None], other), "category": ["news"]})
        found = deliveries(subscriptions, events, "key")
        assert rows(found) == []
        assert found.schema.field("key").type == other

    def test_arrow_keys_without_a_common_type_are_an_error_with_their_name(self):
        subscriptions = pa.table({"key": [1], "category_filter": ["*"]})
        events = pa.table({"key": ["1"], "category": ["news"]})
        message = r"Field key has incompatible types: large_string vs int64$"
        with pytest.raises(TypeError, match=message):
            deliveries(subscriptions, events, "key")


class TestStreams:
    def test_batches_are_read_as_they_are_needed(self):
        read = []

        def batches():
            for number in range(5):
                read.append(number)
                yield pa.record_batch({"category_filter": [f"n{number}"]})

        schema = pa.schema({"category_filter": pa.string()})
        result = precompute(pa.RecordBatchReader.from_batches(schema, batches()), KNOWN)
        assert read == []
        assert result.read_next_batch().to_pylist()[0]["canonical"] == "n0"
        assert read == [0]

    def test_a_folder_of_parquet_files_is_a_dataset(self, tmp_path):
        table = pa.table({"key": [1, 2], "category_filter": ["-news", "*"]})
        ds.write_dataset(table, tmp_path / "in", format="parquet")
        ds.write_dataset(
            precompute(ds.dataset(tmp_path / "in"), KNOWN), tmp_path / "out", format="parquet"
        )
        assert rows(ds.dataset(tmp_path / "out"))[0] == (1, "-news", "-news", 2, None, None)
        events = ds.dataset(pa.table({"key": [1, 1], "category": ["news", "ads"]}))
        found = deliveries(ds.dataset(tmp_path / "in"), events, "key")
        assert isinstance(found, ds.Dataset)
        assert rows(found) == [(1, "ads", "-news")]


def other_dataframe(module, *methods):
    """Return an instance of a dataframe class of another library."""
    return type("DataFrame", (), {"__module__": module, **dict.fromkeys(methods, print)})()


class TestOtherDataframes:
    @pytest.mark.parametrize(
        ("frame", "name"),
        [
            (
                other_dataframe("daft.dataframe", "to_arrow"),
                "daft.dataframe.DataFrame: convert it with .to_arrow()",
            ),
            (
                other_dataframe("ray.data", "to_pandas"),
                "ray.data.DataFrame: convert it with .to_pandas()",
            ),
            (
                other_dataframe("pandas_api", "to_spark", "to_pandas"),
                "pandas_api.DataFrame: convert it with .to_spark()",
            ),
            (pl.Series(["a"]), "polars.series.series.Series: convert it with .to_frame()"),
            (
                pa.record_batch({"category_filter": ["a"]}),
                "pyarrow.lib.RecordBatch: convert it with pyarrow.table(batch)",
            ),
            (
                pa.array(["a"]),
                "pyarrow.lib.StringArray: convert it with pyarrow.table({name: array})",
            ),
            (
                pa.chunked_array([["a"]]),
                "pyarrow.lib.ChunkedArray: convert it with pyarrow.table({name: array})",
            ),
            (
                ds.dataset(pa.table({"category_filter": ["a"]})).scanner(),
                "pyarrow._dataset.Scanner: convert it with .to_table()",
            ),
            (dask.delayed(pd.DataFrame)(), "dask.delayed.Delayed"),
            (pl.DataFrame, "type"),
            (other_dataframe("other"), "other.DataFrame"),
        ],
    )
    def test_the_error_names_the_type_and_its_conversion(self, frame, name):
        with pytest.raises(TypeError) as caught:
            precompute(frame, KNOWN)
        assert str(caught.value) == (
            f"expected a pandas, Polars, PyArrow, DuckDB, Dask or PySpark dataframe, got {name}"
        )


class TestDeliveries:
    def test_nulls_in_the_key_match_nothing(self):
        subscriptions = pd.DataFrame({"key": [None, "x"], "category_filter": ["*", "*"]})
        events = pd.DataFrame({"key": [None, "x"], "category": ["news", "news"]})
        assert rows(deliveries(subscriptions, events, "key")) == [("x", "news", "*")]

    def test_a_suffix_that_is_taken_is_an_error(self):
        subscriptions = pl.DataFrame({"key": [1], "note": [1], "category_filter": ["*"]})
        events = pl.DataFrame({"key": [1], "note": [1], "category": ["a"]})
        taken = pl.lit(1).alias("note_right")
        for left, right in (
            (subscriptions.with_columns(taken), events),
            (subscriptions, events.with_columns(taken)),
        ):
            message = r"^both dataframes have a column 'note': rename one of them$"
            with pytest.raises(ValueError, match=message):
                deliveries(left, right, "key")

"""PySpark, classic or Connect: names, collations, streams and a source that changes."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from engines import rows, spark, spark_table
from laws import check_large_tables

from category_filter import Categories
from category_filter.batch import audience, deliveries, filter_events, precompute

KNOWN = Categories(["news", "News"])


def test_each_function_equals_a_loop_over_allows():
    check_large_tables("PySpark")


def test_names_may_have_dots_and_differ_only_in_case():
    subscriptions = spark_table({"a.b": ["1"], "Note": ["s"], "f.g": ["-news"]})
    events = spark_table({"a.b": ["1", "1"], "note": ["e", "e"], "c.d": ["news", "ads"]})
    result = precompute(subscriptions, KNOWN, filter_column="f.g")
    assert rows(result) == [("1", "s", "-news", "-news", 0b10, None, None)]
    assert len(rows(filter_events(events, "-news", category_column="c.d"))) == 1
    found = deliveries(subscriptions, events, "a.b", filter_column="f.g", category_column="c.d")
    assert found.columns == ["a.b", "note", "c.d", "Note_right", "f.g"]
    assert rows(found) == [("1", "e", "ads", "s", "-news")]


def test_a_column_that_differs_only_in_case_is_not_overwritten():
    subscriptions = spark_table({"category_filter": ["a"], "Error": ["mine"]})
    message = "column 'Error' already exists: choose a suffix (suffix=, --suffix)"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        precompute(subscriptions, KNOWN)


def test_a_collation_does_not_make_names_equal():
    query = (
        "SELECT collate(text, 'UTF8_LCASE') text, 1 AS key FROM VALUES ('News'), ('news') t(text)"
    )
    frame = spark().sql(query)
    assert sorted(rows(precompute(frame.select("text"), KNOWN, filter_column="text"))) == [
        ("News", "News", 0b10, None, None),
        ("news", "news", 0b01, None, None),
    ]
    assert rows(audience(frame, KNOWN, filter_column="text")) == [("news", 1), ("News", 1)]
    assert rows(filter_events(frame, "news", category_column="text")) == [("news", 1)]
    found = deliveries(frame, frame, "key", filter_column="text", category_column="text")
    assert sorted(rows(found)) == [("News", 1, "News"), ("news", 1, "news")]


def test_the_error_for_a_stream_shows_foreachbatch():
    stream = spark().readStream.format("rate").load().selectExpr("string(value) AS category_filter")
    for use in (
        lambda: precompute(stream, KNOWN),
        lambda: audience(stream, KNOWN),
        lambda: deliveries(stream, stream, "category_filter", category_column="category_filter"),
    ):
        with pytest.raises(TypeError, match=r"foreachBatch") as caught:
            use()
        assert str(caught.value) == (
            "streaming dataframes cannot be collected: use foreachBatch, for example"
            " stream.writeStream.foreachBatch(lambda rows, _:"
            " precompute(rows, categories).write.save(path, mode='append')).start()"
        )
    kept = filter_events(stream, "a", category_column="category_filter")
    assert kept.isStreaming


def test_a_stream_can_be_precomputed_as_the_error_shows(tmp_path):
    known, path = KNOWN, f"{tmp_path}/out"  # Connect pickles what the function uses
    spark_table({"category_filter": ["-news", "a;b"]}).write.save(f"{tmp_path}/in")
    stream = spark().readStream.schema("category_filter string").load(f"{tmp_path}/in")
    query = (
        stream.writeStream.option("checkpointLocation", f"{tmp_path}/checkpoint")
        .trigger(availableNow=True)
        .foreachBatch(lambda rows, _: precompute(rows, known).write.save(path, mode="append"))
        .start()
    )
    assert query.awaitTermination(300)
    assert sorted(rows(spark().read.load(path)), key=str) == [
        ("-news", "-news", 0b10, None, None),
        ("a;b", None, 0, None, "write ',' instead of ';'; did you mean 'a,b'?"),
    ]


def test_a_stream_may_have_other_columns_than_strings():
    stream = spark().readStream.format("rate").load()
    with pytest.raises(TypeError, match=r"^streaming dataframes cannot be collected"):
        precompute(stream, KNOWN, filter_column="value")


def test_frames_and_filters_may_be_empty():
    subscriptions = spark_table({"key": [1], "category_filter": ["*"]})
    events = spark_table({"key": [1], "category": ["news"]})
    assert rows(precompute(subscriptions.limit(0), KNOWN)) == []
    assert rows(audience(subscriptions, Categories([]))) == []
    assert rows(audience(subscriptions.limit(0), KNOWN)) == [("news", 0), ("News", 0)]
    assert rows(deliveries(subscriptions, events, "key")) == [(1, "news", "*")]
    assert rows(deliveries(subscriptions.limit(0), events, "key")) == []


@pytest.mark.parametrize("dtype", ["double", "void"])
def test_a_column_of_nulls_may_have_another_type(dtype):
    frame = spark().sql(f"SELECT CAST(NULL AS {dtype}) AS category_filter")
    assert rows(precompute(frame, KNOWN)) == [(None, "*", 0b11, None, None)]


def test_rows_that_changed_while_the_table_was_read_have_an_error():
    """Spark Connect evaluates `uuid()` at each read, and classic Spark once."""
    frame = spark().sql("SELECT 'x' || uuid() AS category_filter")
    ((text, *added),) = rows(precompute(frame, KNOWN))
    changed = "the filter changed while the table was read: run precompute again"
    assert added in ([text, 0, text, None], [None, 0, None, changed])


@pytest.mark.skipif("SPARK_REMOTE" in os.environ, reason="this is the process that it starts")
def test_this_file_passes_on_spark_connect():
    """A process has one kind of session, so another process runs this file."""
    result = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", __file__],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "SPARK_REMOTE": "local[1]", "CI": "", "PYTEST_ADDOPTS": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout

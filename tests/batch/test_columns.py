"""Other columns may have any name, even one that a query uses internally, and any type."""

from datetime import UTC, datetime
from decimal import Decimal
from functools import partial

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from engines import ENGINES, arrow_array, rows, spark
from precompute import run

from category_filter import Categories
from category_filter.batch import audience, deliveries, filter_events, precompute

KNOWN = Categories(["news", "ads"])

OURS = [
    *(
        f"category_filter__{name}"
        for name in (
            *("0", "added", "category", "found", "given", "listed", "meanings", "n", "name"),
            *("number", "reason", "row", "text", "unlisted"),
        )
    ),
    *("added0", "event", "event0", "given0", "key0", "record", "subscription", "subscription0"),
]
"""Names of columns that queries use, or once used."""

every_engine = pytest.mark.parametrize("engine", ENGINES)


@every_engine
def test_columns_may_have_the_names_that_queries_use(engine):
    make = ENGINES[engine]
    ours = {name: ["mine"] for name in OURS}
    mine = ["mine"] * len(OURS)
    subscribed = {"key": [1], "category_filter": ["-news"], **ours}
    occurred = {"key": [1], "category": ["ads"], **ours}
    assert rows(precompute(make(subscribed), KNOWN)) == [
        (1, "-news", *mine, "-news", 0b10, None, None)
    ]
    assert rows(audience(make(subscribed), KNOWN)) == [("news", 0), ("ads", 1)]
    assert rows(filter_events(make(occurred), "ads")) == [(1, "ads", *mine)]
    assert rows(deliveries(make(subscribed), make(occurred), "key")) == [
        (1, "ads", *mine, "-news", *mine)
    ]


@pytest.mark.parametrize("engine", ["pandas", "Polars", "Polars lazy", "PyArrow", "DuckDB"])
def test_the_filters_may_have_a_name_that_queries_use(engine):
    for name in OURS:
        frame = ENGINES[engine]({name: ["ads"], "number": [1]})
        found = precompute(frame, KNOWN, filter_column=name)
        assert rows(found) == [("ads", 1, "ads", 0b10, None, None)]
        assert rows(audience(frame, KNOWN, filter_column=name)) == [("news", 0), ("ads", 1)]
        found = deliveries(frame, frame, "number", filter_column=name, category_column=name)
        assert rows(found) == [("ads", 1, "ads")]


@every_engine
@pytest.mark.parametrize("name", ["*", "^x$", "^.*$"])
def test_names_are_no_patterns(engine, name):
    subscribed = {"x": ["-ads", "-ads"], name: ["ads", "-ads"], "^k$": ["1", "2"]}
    occurred = {name: ["ads", "ads"], "^k$": ["1", "2"], "x": ["-", "-"]}
    subscriptions = partial(ENGINES[engine], subscribed)
    events = partial(ENGINES[engine], occurred)
    found = sorted(row[3:5] for row in rows(precompute(subscriptions(), KNOWN, filter_column=name)))
    assert found == [("-ads", 0b01), ("ads", 0b10)]
    assert rows(audience(subscriptions(), KNOWN, filter_column=name)) == [("news", 1), ("ads", 1)]
    kept = rows(filter_events(events(), "ads", category_column=name))
    assert sorted(kept) == [("ads", "1", "-"), ("ads", "2", "-")]
    found = deliveries(subscriptions(), events(), "^k$", filter_column=name, category_column=name)
    assert rows(found) == [("ads", "1", "-", "-ads", "ads")]


@pytest.mark.parametrize("extension", ["parquet", "csv", "ndjson"])
@pytest.mark.parametrize("name", ["*", "^x$"])
def test_names_in_files_are_no_patterns(tmp_path, extension, name):
    table = pl.DataFrame({"x": ["-ads", "-ads"], name: ["ads", "-ads"]})
    getattr(table, f"write_{extension}")(tmp_path / f"in.{extension}")
    options = ["--filter-column", name, "--categories", "news,ads", "--rejects", tmp_path / "r.csv"]
    code, _, err = run(tmp_path / f"in.{extension}", tmp_path / "out.parquet", *options)
    assert (code, err) == (0, "2 rows, 2 distinct filters, 0 invalid rows\n")
    found = pl.read_parquet(tmp_path / "out.parquet")
    assert found.columns == ["x", name, "canonical", "mask", "unknown", "error"]
    assert found[name].to_list() == found["canonical"].to_list() == ["ads", "-ads"]
    assert found["mask"].to_list() == [0b10, 0b01]


@pytest.mark.parametrize("extension", ["parquet", "csv", "ndjson"])
def test_files_may_have_the_names_that_the_command_uses(tmp_path, extension):
    table = pl.DataFrame({"category_filter": ["ads"], **{name: ["mine"] for name in OURS}})
    getattr(table, f"write_{extension}")(tmp_path / f"in.{extension}")
    assert run(tmp_path / f"in.{extension}", tmp_path / "out.parquet")[0] == 0
    found = pl.read_parquet(tmp_path / "out.parquet")
    assert found.columns == [*table.columns, "canonical", "mask", "unknown", "error"]
    assert found.select(table.columns).equals(table)


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame([["*", 1, 2]], columns=["category_filter", "n", "n"]),
        pa.table([["*"], [1], [2]], ["category_filter", "n", "n"]),
    ],
    ids=["pandas", "PyArrow"],
)
def test_duplicate_names_are_an_error(frame):
    with pytest.raises(ValueError, match=r"^duplicate column names: 'n' 2 times$"):
        precompute(frame, KNOWN)


@pytest.mark.parametrize("engine", ["DuckDB", "PySpark"])
def test_duplicate_names_of_a_join_are_an_error(engine):
    query = "SELECT 1 AS key, '*' AS category_filter, 'ads' AS category, 1 AS n, 2 AS {}"
    sql = duckdb.sql if engine == "DuckDB" else spark().sql
    frame = sql(query.format("n"))
    for use in (
        lambda: precompute(frame, KNOWN),
        lambda: audience(frame, KNOWN),
        lambda: filter_events(frame, "*"),
        lambda: deliveries(frame, sql("SELECT 1 AS key, 'ads' AS category"), "key"),
        lambda: deliveries(sql("SELECT 1 AS key, '*' AS category_filter"), frame, "key"),
    ):
        with pytest.raises(ValueError, match=r"^duplicate column names: 'n', 'n'$"):
            use()
    if engine == "DuckDB":  # Spark tells them apart by position
        with pytest.raises(ValueError, match=r"^duplicate column names: 'n', 'N'$"):
            precompute(sql(query.format('"N"')), KNOWN)


@pytest.mark.parametrize("engine", ["DuckDB", "PySpark"])
def test_a_name_for_the_result_that_differs_only_in_case_is_an_error(engine):
    make = ENGINES[engine]
    subscriptions = make({"key": [1], "category_filter": ["*"], "Note": ["a"]})
    events = make({"key": [1], "category": ["ads"], "note": ["b"], "NOTE_RIGHT": ["c"]})
    with pytest.raises(ValueError, match=r"^both dataframes have a column 'Note': rename one"):
        deliveries(subscriptions, events, "key")


def test_the_columns_of_pandas_may_have_levels():
    index = pd.MultiIndex.from_tuples([("category_filter", ""), ("x", "y")])
    frame = pd.DataFrame([["ads", 1]], columns=index)
    found = precompute(frame, KNOWN, filter_column=("category_filter", ""))
    assert rows(found) == [("ads", 1, "ads", 0b10, None, None)]
    assert found.columns[2] == ("canonical", "")
    with pytest.raises(ValueError, match=r"^column \('canonical', ''\) already exists"):
        precompute(found, KNOWN, filter_column=("category_filter", ""))


TYPES = pa.table(
    {
        "key": [1, 2],
        "category_filter": pa.chunked_array([["ads"], [], ["news"]]),
        "category": pa.chunked_array([["ads", "ads"]]),
        "decimal": [Decimal("1.50"), None],
        "zone": pa.array([datetime(2020, 1, 1, tzinfo=UTC), None], pa.timestamp("us", "UTC")),
        "list": [[1], None],
        "struct": [{"x": 1}, None],
        "map": pa.array([[("a", 1)], None], pa.map_(pa.string(), pa.int64())),
    }
)


@pytest.mark.parametrize(
    "convert",
    [lambda table: table, pl.from_arrow, duckdb.from_arrow],
    ids=["PyArrow", "Polars", "DuckDB"],
)
def test_other_columns_keep_their_types_and_values(convert):
    def to_arrow(frame):
        return pa.table(frame.to_arrow_table() if hasattr(frame, "to_arrow_table") else frame)

    given = to_arrow(convert(TYPES))
    kept = to_arrow(precompute(convert(TYPES), KNOWN)).select(TYPES.column_names)
    assert kept.equals(given)
    kept = to_arrow(filter_events(convert(TYPES), "-x"))
    assert kept.equals(given)
    subscriptions = convert(pa.table({"key": [1, 2], "category_filter": ["*", "news"]}))
    events = convert(TYPES.drop_columns("category_filter"))
    kept = to_arrow(deliveries(subscriptions, events, "key")).select(
        TYPES.drop_columns("category_filter").column_names
    )
    assert kept.equals(given.drop_columns("category_filter").slice(0, 1))


def test_ordered_dictionaries_keep_their_order():
    sizes = pa.DictionaryArray.from_arrays(
        pa.array([2, 0, 1], pa.int8()), ["S", "M", "L"], ordered=True
    )
    table = pa.table({"key": [1, 2, 3], "category": ["ads", "news", "ads"], "size": sizes})
    subscriptions = pa.table({"key": [1, 2, 3], "category_filter": ["ads"] * 3})
    for found in (filter_events(table, "ads"), deliveries(subscriptions, table, "key")):
        kept = found["size"].combine_chunks()
        assert kept.type == sizes.type
        assert (kept.to_pylist(), kept.dictionary.to_pylist()) == (["L", "M"], ["S", "M", "L"])


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (pa.list_(pa.string_view()), [["a", None], [], None]),
        (pa.list_(pa.binary_view()), [[b"a", None], [], None]),
        (pa.large_list(pa.string_view()), [["a", None], [], None]),
        (pa.list_view(pa.string_view()), [["a", None], [], None]),
        (pa.list_(pa.string_view(), 2), [["a", None], ["b", "c"], None]),
        (pa.struct([("x", pa.string_view())]), [{"x": "a"}, {"x": None}, None]),
        (pa.list_(pa.struct([("x", pa.string_view())])), [[{"x": "a"}, None], [], None]),
        (pa.map_(pa.string_view(), pa.string_view()), [[("a", None)], [], None]),
    ],
    ids=str,
)
def test_views_inside_other_types_are_kept(kind, values):
    table = pa.table(
        {
            "key": range(3),
            "category": ["ads", "news", "ads"],
            "other": pa.chunked_array([pa.array(values[:1], kind), pa.array(values[1:], kind)]),
        }
    )
    subscriptions = pa.table({"key": range(3), "category_filter": ["ads"] * 3})
    for found in (filter_events(table, "ads"), deliveries(subscriptions, table, "key")):
        assert found.schema.field("other").type == kind
        assert found["other"].to_pylist() == [values[0], values[2]]


@pytest.mark.parametrize(
    ("kind", "count"),
    [
        (pa.dictionary(pa.int8(), pa.string()), 100),
        (pa.dictionary(pa.int8(), pa.string_view()), 100),
        (pa.run_end_encoded(pa.int16(), pa.string()), 20_000),
    ],
    ids=str,
)
def test_chunks_may_have_more_values_than_their_type_can_number(kind, count):
    values = [f"d{number}" for number in range(2 * count)]
    chunks = [arrow_array(values[:count], kind), arrow_array(values[count:], kind)]
    table = pa.table({"category": ["ads"] * len(values), "d": pa.chunked_array(chunks, kind)})
    found = filter_events(table, "ads")["d"]
    assert (found.type, found.to_pylist()) == (kind, values)


def test_slices_of_arrow_tables_are_read():
    table = pa.table({"category_filter": ["ads"] * 3 + [None, "news"], "n": range(5)})
    assert rows(precompute(table.slice(2, 3), KNOWN)) == [
        ("ads", 2, "ads", 0b10, None, None),
        (None, 3, "*", 0b11, None, None),
        ("news", 4, "news", 0b01, None, None),
    ]


def test_pandas_categories_may_be_null_or_unused():
    values = pd.Categorical([None, "ads", None], categories=["unused", "ads"])
    found = precompute(pd.DataFrame({"category_filter": values}), KNOWN)
    assert found["canonical"].tolist() == ["*", "ads", "*"]
    assert found["mask"].tolist() == [0b11, 0b10, 0b11]

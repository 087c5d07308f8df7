"""Other columns may have any name, even one that a query uses internally, and any type."""

from datetime import UTC, datetime
from decimal import Decimal

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from engines import ENGINES, rows
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

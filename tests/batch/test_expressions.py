"""Filters in queries: Polars expressions, DuckDB and Spark functions."""

import sys

import duckdb
import polars as pl
import pytest
from engines import duckdb_relation, rows, spark, spark_table

from category_filter import Categories
from category_filter.batch import duckdb as duckdb_functions
from category_filter.batch import polars as expressions
from category_filter.batch import spark as spark_functions

KNOWN = Categories(["news", "ads"])
ROWS = {
    "category_filter": ["-ads", "a;b", None, "old, news"],
    "category": ["ads", "ads", "ads", None],
}
MESSAGE = "write ',' instead of ';'; did you mean 'a,b'?"
QUERY = (
    "SELECT category_filter_allows(category_filter, category) AS allowed,"
    " category_filter_allows(category_filter, 'news') AS news,"
    " category_filter_canonical(category_filter) AS canonical,"
    " category_filter_mask(category_filter) AS mask,"
    " category_filter_unknown(category_filter) AS unknown,"
    " category_filter_error(category_filter) AS error"
)
EXPECTED = [
    (False, True, "-ads", 0b01, None, None),
    (False, False, None, 0, None, MESSAGE),
    (True, True, "*", 0b11, None, None),
    (False, True, "news,old", 0b01, "old", None),
]


@pytest.mark.parametrize("engine", ["in-memory", "streaming"])
def test_polars_expressions_give_the_values_of_precompute(engine):
    found = pl.LazyFrame(ROWS).select(
        allowed=expressions.allows("category_filter", pl.col("category")),
        news=expressions.allows(pl.col("category_filter"), "news"),
        canonical=expressions.canonical("category_filter"),
        mask=expressions.mask("category_filter", KNOWN),
        unknown=expressions.unknown("category_filter", KNOWN),
        error=expressions.error("category_filter"),
    )
    assert found.collect(engine=engine).rows() == EXPECTED
    assert (
        pl.LazyFrame(ROWS)
        .clear()
        .select(expressions.allows("category_filter", "x"))
        .collect()
        .rows()
        == []
    )


def test_polars_expressions_accept_another_filter_for_nulls():
    found = pl.DataFrame(ROWS).select(
        allowed=expressions.allows("category_filter", "ads", missing="-ads"),
        canonical=expressions.canonical("category_filter", missing="-ads"),
        mask=expressions.mask("category_filter", KNOWN, missing="-ads"),
    )
    assert found.row(2) == (False, "-ads", 1)


def test_polars_expressions_filter_rows():
    kept = pl.DataFrame(ROWS).filter(expressions.allows("category_filter", pl.col("category")))
    assert kept["category_filter"].to_list() == [None]


def test_duckdb_functions_give_the_values_of_precompute():
    with duckdb.connect() as connection:
        duckdb_functions.register(connection, KNOWN)
        duckdb_relation(ROWS, connection).create_view("rows")
        assert connection.sql(f"{QUERY} FROM rows").fetchall() == EXPECTED


def test_spark_functions_give_the_values_of_precompute(monkeypatch):
    monkeypatch.setenv("PYSPARK_PYTHON", sys.executable)
    spark_functions.register(spark(), KNOWN)
    spark_table(ROWS).createOrReplaceTempView("subscriptions")
    assert rows(spark().sql(f"{QUERY} FROM subscriptions")) == EXPECTED


@pytest.mark.parametrize("module", [duckdb_functions, spark_functions])
def test_a_mask_holds_at_most_63_categories(module):
    many = Categories([f"c{number}" for number in range(64)])
    with pytest.raises(ValueError, match=r"^a mask holds at most 63 categories, not 64"):
        module.register(None, many)
    with pytest.raises(ValueError, match=r"^a mask holds at most 63 categories, not 64"):
        expressions.mask("category_filter", many)

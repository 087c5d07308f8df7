"""The engines that tables live in: how each makes a table of columns, and gives its rows back."""

from functools import cache

import dask.dataframe
import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa

NULLABLE_INTEGERS = {"key", "number"}


def types(columns, text, integer):
    return {name: integer if name in NULLABLE_INTEGERS else text for name in columns}


def pandas_table(text):
    def make(columns):
        return pd.DataFrame(
            {
                name: pd.Series(values, dtype=dtype)
                for (name, values), dtype in zip(
                    columns.items(), types(columns, text, "int64").values(), strict=True
                )
            }
        )

    return make


def polars_table(columns):
    return pl.DataFrame(columns, schema=types(columns, pl.String, pl.Int64))


def polars_categorical(columns):
    return pl.DataFrame(columns, schema=types(columns, pl.Categorical, pl.Int64))


def arrow_table(columns):
    schema = types(columns, pa.string(), pa.int64())
    return pa.table(columns, schema=pa.schema(schema.items()))


def arrow_dictionary(columns):
    """Encoded in chunks, each with a dictionary of its own."""
    table = arrow_table(columns)
    for number, name in enumerate(columns):
        if name not in NULLABLE_INTEGERS:
            half = len(table) // 2
            chunks = [
                part.combine_chunks().dictionary_encode()
                for part in (table[name][:half], table[name][half:])
            ]
            table = table.set_column(number, name, pa.chunked_array(chunks))
    return table


def duckdb_table(columns, connection=duckdb):
    return connection.from_arrow(arrow_table(columns))


def dask_table(columns):
    return dask.dataframe.from_pandas(pandas_table("str")(columns), npartitions=2)


@cache
def spark():
    from pyspark.sql import SparkSession  # noqa: PLC0415 - seconds, which few tests need

    return (
        SparkSession.builder.master("local[2]")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.shuffle.partitions", "2")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.log.level", "ERROR")
        .getOrCreate()
    )


def spark_table(columns):
    schema = ", ".join(f"{name} {kind}" for name, kind in types(columns, "string", "long").items())
    return spark().createDataFrame([*zip(*columns.values(), strict=True)], schema)


ENGINES = {
    "pandas": pandas_table("str"),
    "pandas object": pandas_table("object"),
    "pandas Arrow": pandas_table(pd.ArrowDtype(pa.string())),
    "pandas categorical": pandas_table("category"),
    "Polars": polars_table,
    "Polars categorical": polars_categorical,
    "Polars lazy": lambda columns: polars_table(columns).lazy(),
    "PyArrow": arrow_table,
    "PyArrow dictionary": arrow_dictionary,
    "DuckDB": duckdb_table,
    "Dask": dask_table,
    "PySpark": spark_table,
}


def rows(table):
    """The rows as tuples, whatever the engine, with None for what is null."""
    if isinstance(table, pl.LazyFrame):
        return table.collect().rows()
    if isinstance(table, pl.DataFrame):
        return table.rows()
    if isinstance(table, pa.Table):
        return [tuple(row.values()) for row in table.to_pylist()]
    if isinstance(table, duckdb.DuckDBPyRelation):
        return table.fetchall()
    if isinstance(table, dask.dataframe.DataFrame):
        table = table.compute()
    if isinstance(table, pd.DataFrame):
        table = table.astype(object)
        return [*table.where(table.notna(), None).itertuples(index=False, name=None)]
    return [tuple(row) for row in table.collect()]

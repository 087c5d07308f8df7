"""The dataframe engines: create a dataframe from columns, and read its rows back."""

from functools import cache

import dask.dataframe
import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa

INTEGER_COLUMNS = {"key", "number"}


def types(columns, string, integer):
    return {name: integer if name in INTEGER_COLUMNS else string for name in columns}


def pandas_frame(string):
    def make(columns):
        return pd.DataFrame(
            {
                name: pd.Series(values, dtype=dtype)
                for (name, values), dtype in zip(
                    columns.items(), types(columns, string, "int64").values(), strict=True
                )
            }
        )

    return make


def polars_frame(columns):
    return pl.DataFrame(columns, schema=types(columns, pl.String, pl.Int64))


def polars_categorical(columns):
    return pl.DataFrame(columns, schema=types(columns, pl.Categorical, pl.Int64))


def arrow_table(columns):
    schema = types(columns, pa.string(), pa.int64())
    return pa.table(columns, schema=pa.schema(schema.items()))


def arrow_dictionary(columns):
    """Encode each column in two chunks, which have different dictionaries."""
    table = arrow_table(columns)
    for number, name in enumerate(columns):
        if name not in INTEGER_COLUMNS:
            half = len(table) // 2
            chunks = [
                part.combine_chunks().dictionary_encode()
                for part in (table[name][:half], table[name][half:])
            ]
            table = table.set_column(number, name, pa.chunked_array(chunks))
    return table


def duckdb_relation(columns, connection=duckdb):
    return connection.from_arrow(arrow_table(columns))


def dask_frame(columns):
    return dask.dataframe.from_pandas(pandas_frame("str")(columns), npartitions=2)


@cache
def spark():
    from pyspark.sql import SparkSession  # noqa: PLC0415 - takes seconds, and few tests need it

    return (
        SparkSession.builder.master("local[2]")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.shuffle.partitions", "2")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.log.level", "ERROR")
        .getOrCreate()
    )


def spark_table(columns):
    schema = ", ".join(
        f"{name} {dtype}" for name, dtype in types(columns, "string", "long").items()
    )
    return spark().createDataFrame([*zip(*columns.values(), strict=True)], schema)


ENGINES = {
    "pandas": pandas_frame("str"),
    "pandas object": pandas_frame("object"),
    "pandas Arrow": pandas_frame(pd.ArrowDtype(pa.string())),
    "pandas categorical": pandas_frame("category"),
    "Polars": polars_frame,
    "Polars categorical": polars_categorical,
    "Polars lazy": lambda columns: polars_frame(columns).lazy(),
    "PyArrow": arrow_table,
    "PyArrow dictionary": arrow_dictionary,
    "DuckDB": duckdb_relation,
    "Dask": dask_frame,
    "PySpark": spark_table,
}


def rows(frame):
    """Return the rows as tuples, with None for null."""
    if isinstance(frame, pl.LazyFrame):
        return frame.collect().rows()
    if isinstance(frame, pl.DataFrame):
        return frame.rows()
    if isinstance(frame, pa.Table):
        return [tuple(row.values()) for row in frame.to_pylist()]
    if isinstance(frame, duckdb.DuckDBPyRelation):
        return frame.fetchall()
    if isinstance(frame, dask.dataframe.DataFrame):
        frame = frame.compute()
    if isinstance(frame, pd.DataFrame):
        frame = frame.astype(object)
        return [*frame.where(frame.notna(), None).itertuples(index=False, name=None)]
    return [tuple(row) for row in frame.collect()]

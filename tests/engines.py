"""The dataframe engines: create a dataframe from columns, and read its rows back."""

import os
import sys
from functools import cache

import dask.dataframe
import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds

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


def arrow_typed(string):
    """Make a table whose strings have this type, in two chunks if there are rows for them."""

    def make(columns):
        table = arrow_table(columns)
        for number, name in enumerate(columns):
            if name not in INTEGER_COLUMNS:
                values = columns[name]
                half = len(values) // 2
                chunks = [arrow_array(part, string) for part in (values[:half], values[half:])]
                table = table.set_column(number, name, pa.chunked_array(chunks, string))
        return table

    return make


def arrow_array(values, kind):
    """Create an array of strings; `pa.array` does not know every type."""
    if pa.types.is_run_end_encoded(kind):
        ends = pa.array(range(1, len(values) + 1), kind.run_end_type)
        return pa.RunEndEncodedArray.from_arrays(ends, arrow_array(values, kind.value_type), kind)
    if pa.types.is_dictionary(kind):
        distinct = [*dict.fromkeys(values), "not used"]  # one of them may be null
        indices = pa.array([distinct.index(value) for value in values], kind.index_type)
        return pa.DictionaryArray.from_arrays(indices, arrow_array(distinct, kind.value_type))
    return pa.array(values, kind)


def arrow_reader(columns):
    table = arrow_table(columns)
    return pa.RecordBatchReader.from_batches(table.schema, table.to_batches(max_chunksize=2))


def arrow_dataset(columns):
    table = arrow_table(columns)
    return ds.dataset(table, schema=table.schema)


def duckdb_relation(columns, connection=duckdb):
    return connection.from_arrow(arrow_table(columns))


def dask_frame(columns):
    return dask.dataframe.from_pandas(pandas_frame("str")(columns), npartitions=2)


@cache
def spark():
    """Return the session: classic, or Connect if `$SPARK_REMOTE` says so.

    A process has one or the other.
    """
    from pyspark.sql import SparkSession  # noqa: PLC0415 - takes seconds, and few tests need it

    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)  # workers need pandas, too
    # Java otherwise optimizes, in other threads, what runs only once.
    os.environ.setdefault("SPARK_SUBMIT_OPTS", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC")
    if "SPARK_REMOTE" in os.environ:
        session = SparkSession.builder.getOrCreate()
        session.conf.set("spark.sql.shuffle.partitions", "1")
        return session
    return (
        SparkSession.builder.master("local[1]")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.shuffle.partitions", "1")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.log.level", "ERROR")
        .getOrCreate()
    )


def spark_table(columns):
    return spark().createDataFrame(arrow_table(columns))  # without Python workers, unlike a list


STRINGS = [pa.string(), pa.large_string(), pa.string_view()]
ARROW_TYPES = [
    *STRINGS,
    *(pa.dictionary(index, kind) for kind in STRINGS for index in (pa.int8(), pa.int32())),
    *(pa.run_end_encoded(pa.int32(), kind) for kind in STRINGS),
    pa.run_end_encoded(pa.int64(), pa.dictionary(pa.int32(), pa.string())),
]

ENGINES = {
    "pandas": pandas_frame("str"),
    "pandas object": pandas_frame("object"),
    "pandas Arrow": pandas_frame(pd.ArrowDtype(pa.string())),
    "pandas categorical": pandas_frame("category"),
    "Polars": polars_frame,
    "Polars categorical": polars_categorical,
    "Polars lazy": lambda columns: polars_frame(columns).lazy(),
    "PyArrow": arrow_table,
    **{f"PyArrow {kind}": arrow_typed(kind) for kind in ARROW_TYPES},
    "PyArrow reader": arrow_reader,
    "PyArrow dataset": arrow_dataset,
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
    if isinstance(frame, pa.RecordBatchReader):
        frame = frame.read_all()
    if isinstance(frame, ds.Dataset):
        frame = frame.to_table()
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

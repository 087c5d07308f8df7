"""The modules to mutate, and the tests that must notice: fast ones, in one process."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["PRELOADED", "TARGETS", "Target"]

PRELOADED = [
    "dask.dataframe",
    "duckdb",
    "fastapi.testclient",
    "flask_wtf",
    "hypothesis.extra.lark",
    "hypothesis.stateful",
    "jsonschema",
    "narwhals.stable.v2",
    "pandas",
    "polars",
    "psycopg",
    "pyarrow.dataset",
    "pydantic_settings",
    "sqlalchemy.dialects.postgresql",
    "sqlglot",
    "typer.testing",
    "unicodedata",
]
"""What tests import, to be loaded only once. None of it may start threads or import the library."""


class Target(NamedTuple):
    """The tests of a module."""

    files: list[str]
    options: tuple[str, ...] = ()
    plugins: tuple[str, ...] = ("_hypothesis_pytestplugin",)
    is_bounded: bool = True
    """Whether to limit the memory."""


LANGUAGE = ["test_round_trip.py", "test_language.py", "test_errors.py"]
CORE = [*LANGUAGE, "test_filter.py", "test_categories.py"]
INDEX = ["test_index.py", "test_index_threads.py"]
CORE_WITH_PYDANTIC = [
    "test_round_trip.py",
    "test_filter.py",
    "test_categories.py",
    "test_pydantic.py",
    "test_pydantic_annotated.py",
]
BATCH_TESTS = [
    *("dataframes", "engines", "columns", "expressions", "precompute_batches", "batch_laws"),
]
TOKENS = ["binding", "token_laws", "token_moves", "recipients", "sending"]
SQLITE = ("-k", "not postgresql")
BATCH = Target(
    [f"batch/test_{name}.py" for name in BATCH_TESTS],
    ("-k", "not (PySpark or Spark or Dask or DuckDB or PyArrow)"),
    is_bounded=False,
)
BATCH_MODULES = ["_meanings", "_invalid", "_precompute", "_events", "_audience", "_deliveries"]
# Its own processes import the library as it is.
IN_PROCESS = ("-k", "not FirstParse")

TARGETS = {
    "_parser": Target(CORE, IN_PROCESS),
    "_filter": Target(CORE_WITH_PYDANTIC),
    "_immutable": Target(["test_filter.py", "test_categories.py"]),
    "categories": Target(["test_categories.py", "test_errors.py", "test_pydantic.py"]),
    "_suggest": Target(["test_categories.py"]),
    "errors": Target(["test_errors.py", "test_categories.py"]),
    "_messages": Target([*CORE, "test_index.py", "test_wtforms.py"], IN_PROCESS),
    "index": Target(INDEX),
    "_inverted_index": Target(INDEX),
    "sql": Target(["test_sql.py"], ("-k", "not python_gives or sqlite or duckdb")),
    "service/tokens": Target([f"service/test_{name}.py" for name in TOKENS], SQLITE),
    "service/sessions": Target(
        [f"service/test_{name}.py" for name in ("sessions", "requests", "binding")], SQLITE
    ),
    **{f"batch/{name}": BATCH for name in BATCH_MODULES},
}

"""In every engine, each function returns exactly what a loop over `allows` returns.

A table is drawn once for all engines, because drawing it takes longer than most of them do.
`test_spark.py` runs the same laws on Spark.
"""

import pytest
from engines import ENGINES
from hypothesis import given, settings
from hypothesis import strategies as st
from laws import LAWS, check_large_tables

pytestmark = pytest.mark.no_cover

EXAMPLES = settings().max_examples
SLOW = {"DuckDB": EXAMPLES // 5, "Dask": EXAMPLES // 10}
"""The number of examples for engines that take long for each table."""

FAST = [engine for engine in ENGINES if engine not in {*SLOW, "PySpark"}]


@pytest.mark.parametrize("engine", ["fast", "DuckDB", "Dask"])
@pytest.mark.parametrize("law", LAWS)
def test_each_function_equals_a_loop_over_allows(law, engine):
    check, *tables = LAWS[law]

    @settings(max_examples=SLOW.get(engine, EXAMPLES // 2 if law == "deliveries" else EXAMPLES))
    @given(st.tuples(*tables))
    def check_all(drawn):
        for each in FAST if engine == "fast" else [engine]:
            check(each, *drawn)

    check_all()


@pytest.mark.parametrize("engine", ["DuckDB", "Dask"])
def test_each_function_equals_a_loop_on_large_tables(engine):
    check_large_tables(engine)

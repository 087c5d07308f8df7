"""Apply filters to whole columns: pandas, Polars, PyArrow, DuckDB, Dask and PySpark.

You get the same dataframe type back, and lazy frames stay lazy. Only the distinct filters are
collected: each is parsed once, and the engine joins the results to the rows.
"""

from category_filter._extras import requires

with requires("batch"):
    from category_filter.batch._audience import audience
    from category_filter.batch._deliveries import deliveries
    from category_filter.batch._events import filter_events
    from category_filter.batch._meanings import LIMIT
    from category_filter.batch._precompute import precompute
    from category_filter.batch.errors import InvalidRowsError

__all__ = ["LIMIT", "InvalidRowsError", "audience", "deliveries", "filter_events", "precompute"]

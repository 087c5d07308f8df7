"""Load the index of all push tokens, or only read their rows; print the seconds and the peak in MB.

python benchmarks/load_tokens.py index|rows URL
"""

from __future__ import annotations

import resource
import sys
import time
from contextlib import closing
from typing import TYPE_CHECKING

from category_filter.service import IndexedPushTokens, connect
from category_filter.service.database import snapshot
from category_filter.service.tables import push_tokens

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Engine

_FETCH_SIZE = 10_000
"""Rows to fetch at a time, as many as the index does."""


def read_rows(database: Engine) -> None:
    """Read the columns of a recipient with the driver alone, and keep no rows."""
    columns = "session_id, filter_id, application, token, p256dh, auth, ends_at, owner"
    options = {} if database.dialect.name == "sqlite" else {"name": "tokens"}
    with (
        snapshot(database) as connection,
        closing(connection.connection.cursor(**options)) as cursor,
    ):
        cursor.execute(f"SELECT {columns} FROM {push_tokens.name}")
        while cursor.fetchmany(_FETCH_SIZE):
            pass


def main() -> None:
    """Run one contestant."""
    contestants: dict[str, Callable[[Engine], object]] = {
        "index": IndexedPushTokens,
        "rows": read_rows,
    }
    _, name, url = sys.argv
    database = connect(url)
    start = time.perf_counter()
    result = contestants[name](database)
    seconds = time.perf_counter() - start
    print(seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1_000)
    del result


if __name__ == "__main__":
    main()

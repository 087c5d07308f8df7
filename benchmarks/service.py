"""Measure the service: counting recipients, loading the index, and binding tokens over HTTP.

.ci/with-postgres python benchmarks/service.py            print the tables
.ci/with-postgres python benchmarks/service.py --quick    run everything once, as a smoke test

Without a PostgreSQL server at $POSTGRES_URL, only SQLite is measured.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp
from sqlalchemy import create_engine, func, insert, make_url, select, text
from timing import side_by_side

from category_filter import CategoryFilter
from category_filter.navixy import CATEGORIES
from category_filter.service import IndexedPushTokens, PushTokens, Sessions, connect
from category_filter.service.tables import filters, push_tokens

if TYPE_CHECKING:
    from collections.abc import Generator

    from sqlalchemy import Engine

COMMAND = Path(sys.executable).with_name("category-filter")
CATEGORY = "chat_message"
CLIENTS = (16, 64)
MONTH_S = 30 * 86_400
ALL_FILTERS = [
    make(*names)
    for size in range(len(CATEGORIES) + 1)
    for names in combinations(CATEGORIES, size)
    for make in (CategoryFilter.only, CategoryFilter.all_except)
]
FILTERS = {
    "all": [CategoryFilter("*")],
    "50 %": ALL_FILTERS,
    "1 %": [CategoryFilter(CATEGORY), *[CategoryFilter("-chat_message")] * 99],
}
"""The filters that the tokens have in turn, by the share of tokens that allow the category."""


@contextmanager
def databases() -> Generator[dict[str, str]]:
    """Yield the URLs of empty databases, by the name of the engine."""
    with tempfile.TemporaryDirectory() as folder:
        urls = {"SQLite": f"sqlite:///{folder}/push_tokens.db"}
        if "POSTGRES_URL" in os.environ:
            urls["PostgreSQL"] = os.environ["POSTGRES_URL"]
        yield urls
        if "PostgreSQL" in urls:
            address = make_url(urls["PostgreSQL"]).set(drivername="postgresql+psycopg")
            server = create_engine(address)
            with server.begin() as connection:
                connection.execute(text("DROP SCHEMA public CASCADE"))
                connection.execute(text("CREATE SCHEMA public"))
            server.dispose()


def fill(database: Engine, tokens: int, assigned: list[CategoryFilter]) -> None:
    """Replace all rows of the database by tokens that have the given filters in turn."""
    distinct = list(dict.fromkeys(assigned))
    binary = {"sqlite": "BLOB", "postgresql": "BYTEA"}[database.dialect.name]
    with database.connect() as connection:
        for table in ("push_token", "push_session", "push_filter"):
            connection.execute(text(f"DELETE FROM {table}"))
        connection.execute(
            insert(filters), [{"id": i, "filter": f} for i, f in enumerate(distinct, start=1)]
        )
        connection.execute(
            text(
                "WITH RECURSIVE numbers(i) AS"
                " (SELECT 1 UNION ALL SELECT i + 1 FROM numbers WHERE i < :tokens)"
                " INSERT INTO push_session (id, digest, ends_at)"
                f" SELECT i, CAST(CAST(i AS TEXT) AS {binary}), :now + i % {MONTH_S} FROM numbers"
            ),
            {"tokens": tokens, "now": int(time.time()) + 3_600},
        )
        ids = ",".join(f"({i},{distinct.index(f) + 1})" for i, f in enumerate(assigned))
        connection.execute(
            text(
                f"WITH assigned(i, filter_id) AS (VALUES {ids})"
                " INSERT INTO push_token"
                " (session_id, application, token, token_digest, filter_id, ends_at)"
                f" SELECT id, 'navixy_android_viewer', '{'a' * 80}' || id || '{'b' * 80}',"
                " digest, filter_id, ends_at FROM push_session"
                f" JOIN assigned ON assigned.i = id % {len(assigned)}"
            )
        )
        connection.execute(
            text("ANALYZE" if database.dialect.name == "sqlite" else "VACUUM ANALYZE")
        )


def compare_counts(tokens: int, turns: int) -> None:
    """Print the time to count the recipients of a category, and to count all tokens."""
    print(f"| {tokens:,} tokens | recipients | count | `count(*)` | ratio | limit | index |")
    print("|---|---|---|---|---|---|---|")
    with databases() as urls:
        for engine, url in urls.items():
            database = connect(url)
            for share, assigned in FILTERS.items():
                fill(database, tokens, assigned)
                recipients = PushTokens(database).recipients(CATEGORY)
                indexed = IndexedPushTokens(database).recipients(CATEGORY)
                assert recipients.count() == indexed.count()  # noqa: S101 - compare only equal results

                def count_all(database: Engine = database) -> int | None:
                    with database.connect() as connection:
                        return connection.scalar(select(func.count()).select_from(push_tokens))

                seconds = side_by_side(
                    {"recipients": recipients.count, "all": count_all, "index": indexed.count},
                    turns=turns,
                )
                print(
                    f"| {engine} | {share} | {seconds['recipients'] * 1e3:.2g} ms"
                    f" | {seconds['all'] * 1e3:.2g} ms"
                    f" | {seconds['recipients'] / seconds['all']:.2g} × | 2 ×"
                    f" | {seconds['index'] * 1e6:.2g} µs |"
                )
            database.dispose()


def compare_loading(tokens: int, turns: int) -> None:
    """Print the time and the memory that a new process takes to load the index of all tokens."""
    print(f"\n| {tokens:,} tokens | the index | the rows alone | ratio | limit | memory | limit |")
    print("|---|---|---|---|---|---|---|")
    script = Path(__file__).with_name("load_tokens.py")
    with databases() as urls:
        for engine, url in urls.items():
            database = connect(url)
            fill(database, tokens, ALL_FILTERS)
            database.dispose()
            figures: dict[str, list[tuple[float, float]]] = {"index": [], "rows": []}
            for _ in range(turns):
                for name, measured in figures.items():
                    command = (sys.executable, script, name, url)
                    output = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
                    seconds, megabytes = map(float, output.split())
                    measured.append((seconds, megabytes))
            (index_s, memory), (rows_s, _) = (min(measured) for measured in figures.values())
            print(
                f"| {engine} | {index_s:.2g} s | {rows_s:.2g} s | {index_s / rows_s:.2g} ×"
                f" | 1.5 × | {memory:,.0f} MB | 500 MB |"
            )


@contextmanager
def server(*command: str | Path) -> Generator[str]:
    """Start a server, and yield the address that it prints."""
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        lines = process.stderr or ()
        (address,) = next(found for line in lines if (found := re.findall(r"http://[\d.:]+", line)))
        try:
            yield address
        finally:
            process.terminate()


async def bind(url: str, session_hashes: list[str], number: int) -> tuple[float, list[float]]:
    """Bind tokens with one client per session, and return the total time and each response time."""
    numbers = iter(range(number))
    response_times: list[float] = []

    async def client(session: aiohttp.ClientSession, session_hash: str) -> None:
        for i in numbers:
            body = {
                "application": "navixy_android_viewer",
                "token": f"740f4707-{i}",
                "category_filter": "-history_task,history_rule",
            }
            start = time.perf_counter()
            async with session.post(
                url, json=body, headers={"Authorization": f"NVX {session_hash}"}
            ) as response:
                await response.read()
                response.raise_for_status()
            response_times.append(time.perf_counter() - start)

    async with aiohttp.ClientSession() as session:
        start = time.perf_counter()
        await asyncio.gather(*(client(session, each) for each in session_hashes))
        return time.perf_counter() - start, response_times


def compare_binding(number: int, turns: int) -> None:
    """Print the throughput and the 99th percentile of the response time of the service."""
    print("\n| database | clients | server | requests per second | ratio | p99 | ratio |")
    print("|---|---|---|---|---|---|---|")
    with databases() as urls:
        for engine, url in urls.items():
            database = connect(url)
            session_hashes = [Sessions(database).create() for _ in range(max(CLIENTS))]
            database.dispose()
            ours = (COMMAND, "serve", "--port", "0", "--database", url)
            bare = (sys.executable, Path(__file__).with_name("bare_service.py"), url)
            with server(*ours) as service, server(*bare) as baseline:
                contestants = {
                    "one row": f"{baseline}/bind",
                    "the service": f"{service}/user/session/push_token/bind",
                }
                for clients in CLIENTS:
                    rate = dict.fromkeys(contestants, 0.0)
                    p99 = dict.fromkeys(contestants, float("inf"))
                    for _ in range(turns):
                        for name, address in contestants.items():
                            total, times = asyncio.run(
                                bind(address, session_hashes[:clients], number)
                            )
                            rate[name] = max(rate[name], number / total)
                            p99[name] = min(p99[name], sorted(times)[number * 99 // 100])
                    for name in contestants:
                        print(
                            f"| {engine} | {clients} | {name} | {rate[name]:,.0f}"
                            f" | {rate[name] / rate['one row']:.2f} × | {p99[name] * 1e3:.1f} ms"
                            f" | {p99[name] / p99['one row']:.2f} × |"
                        )


def main() -> None:
    """Parse the options, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="run everything once")
    quick = parser.parse_args().quick
    compare_counts(1_000 if quick else 1_000_000, turns=1 if quick else 7)
    compare_loading(1_000 if quick else 1_000_000, turns=1 if quick else 5)
    compare_binding(100 if quick else 2_000, turns=1 if quick else 7)


if __name__ == "__main__":
    main()

"""The service: what it costs to count a category's recipients, and to bind a token.

.ci/with-postgres python benchmarks/service.py            the tables
.ci/with-postgres python benchmarks/service.py --quick    everything once, to see that it works

Without a server at $POSTGRES_URL, SQLite alone is measured.
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
from category_filter.service.database import filters, push_tokens

if TYPE_CHECKING:
    from collections.abc import Generator

    from sqlalchemy import Engine

COMMAND = Path(sys.executable).with_name("category-filter")
CATEGORY = "chat_message"
CLIENTS = 16
MONTH = 30 * 86_400
EVERY_FILTER = [
    make(*names)
    for size in range(len(CATEGORIES) + 1)
    for names in combinations(CATEGORIES, size)
    for make in (CategoryFilter.only, CategoryFilter.all_except)
]
CROWDS = {
    "everybody": [CategoryFilter("*")],
    "half of them": EVERY_FILTER,
    "one in a hundred": [CategoryFilter(CATEGORY), *[CategoryFilter("-chat_message")] * 99],
}
"""Who wants the category: the filters that the tokens have in turn."""


@contextmanager
def databases() -> Generator[dict[str, str]]:
    """The URL of an empty database of each kind."""
    with tempfile.TemporaryDirectory() as folder:
        found = {"SQLite": f"sqlite:///{folder}/push_tokens.db"}
        if "POSTGRES_URL" in os.environ:
            found["PostgreSQL"] = os.environ["POSTGRES_URL"]
        yield found
        if "PostgreSQL" in found:
            address = make_url(found["PostgreSQL"]).set(drivername="postgresql+psycopg")
            server = create_engine(address)
            with server.begin() as connection:
                connection.execute(text("DROP SCHEMA public CASCADE"))
                connection.execute(text("CREATE SCHEMA public"))
            server.dispose()


def fill(database: Engine, tokens: int, crowd: list[CategoryFilter]) -> None:
    """Put as many tokens into an empty database, with the filters of a crowd in turn."""
    distinct = list(dict.fromkeys(crowd))
    binary = {"sqlite": "BLOB", "postgresql": "BYTEA"}[database.dialect.name]
    with database.connect() as connection:
        for table in ("push_token", "push_session", "push_filter"):
            connection.execute(text(f"DELETE FROM {table}"))
        connection.execute(
            insert(filters), [{"id": i, "filter": f} for i, f in enumerate(distinct)]
        )
        connection.execute(
            text(
                "WITH RECURSIVE numbers(i) AS"
                " (SELECT 1 UNION ALL SELECT i + 1 FROM numbers WHERE i < :tokens)"
                " INSERT INTO push_session (id, digest, ends_at)"
                f" SELECT i, CAST(CAST(i AS TEXT) AS {binary}), :now + i % {MONTH} FROM numbers"
            ),
            {"tokens": tokens, "now": int(time.time()) + 3_600},
        )
        ids = ",".join(f"({i},{distinct.index(f)})" for i, f in enumerate(crowd))
        connection.execute(
            text(
                f"WITH crowd(i, filter_id) AS (VALUES {ids})"
                " INSERT INTO push_token (session_id, application, token, filter_id, ends_at)"
                " SELECT id, 'navixy_android_viewer',"
                " 'a token of one hundred and sixty characters, such as they are' || id ||"
                " 'with all the entropy that they need to be known to nobody else in the world',"
                f" filter_id, ends_at FROM push_session JOIN crowd ON crowd.i = id % {len(crowd)}"
            )
        )
        connection.execute(
            text("ANALYZE" if database.dialect.name == "sqlite" else "VACUUM ANALYZE")
        )


def count(tokens: int, turns: int) -> None:
    """Print what counting the recipients costs, beside counting the tokens."""
    print(f"| {tokens:,} tokens | wanted by | recipients | count(*) | figure | at most | index |")
    print("|---|---|---|---|---|---|---|")
    with databases() as urls:
        for kind, url in urls.items():
            database = connect(url)
            for crowd, wanted in CROWDS.items():
                fill(database, tokens, wanted)
                recipients = PushTokens(database).recipients(CATEGORY)
                indexed = IndexedPushTokens(database).recipients(CATEGORY)
                assert recipients.count() == indexed.count()  # noqa: S101 - else nothing is measured

                def all_of_them(database: Engine = database) -> int | None:
                    with database.connect() as connection:
                        return connection.scalar(select(func.count()).select_from(push_tokens))

                found = side_by_side(
                    {"recipients": recipients.count, "all": all_of_them, "index": indexed.count},
                    turns=turns,
                )
                print(
                    f"| {kind} | {crowd} | {found['recipients'] * 1e3:.3g} ms"
                    f" | {found['all'] * 1e3:.3g} ms"
                    f" | {found['recipients'] / found['all']:.2f} × | 2 ×"
                    f" | {found['index'] * 1e6:.3g} µs |"
                )
            database.dispose()


@contextmanager
def server(*command: str | Path) -> Generator[str]:
    """The address that a command serves at, as it prints it."""
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as running:
        lines = running.stderr or ()
        (address,) = next(found for line in lines if (found := re.findall(r"http://[\d.:]+", line)))
        try:
            yield address
        finally:
            running.terminate()


async def calls(url: str, hashes: list[str], number: int) -> list[float]:
    """Seconds that each of many calls takes, of as many clients at once as there are hashes."""
    left = iter(range(number))
    taken: list[float] = []

    async def client(session: aiohttp.ClientSession, hash_: str) -> None:
        for i in left:
            body = {
                "application": "navixy_android_viewer",
                "token": f"740f4707-{i}",
                "category_filter": "-history_task,history_rule",
            }
            start = time.perf_counter()
            async with session.post(
                url, json=body, headers={"Authorization": f"NVX {hash_}"}
            ) as response:
                await response.read()
                response.raise_for_status()
            taken.append(time.perf_counter() - start)

    async with aiohttp.ClientSession() as session:
        start = time.perf_counter()
        await asyncio.gather(*(client(session, hash_) for hash_ in hashes))
        return [time.perf_counter() - start, *sorted(taken)]


def load(number: int, turns: int) -> None:
    """Print how many bindings a second the service takes, and how long the slowest wait."""
    print(f"\n| {CLIENTS} clients | requests a second | of ours | p99 | of ours |")
    print("|---|---|---|---|---|")
    with databases() as urls:
        for kind, url in urls.items():
            database = connect(url)
            hashes = [Sessions(database).create() for _ in range(CLIENTS)]
            database.dispose()
            ours = (COMMAND, "serve", "--port", "0", "--database", url)
            bare = (sys.executable, Path(__file__).with_name("bare_service.py"), url)
            with server(*ours) as service, server(*bare) as other:
                contestants = {
                    "the service": f"{service}/user/session/push_token/bind",
                    "a bare row, in a thread": f"{other}/in-a-thread",
                    "a bare row, in the loop": f"{other}/in-the-loop",
                }
                rate = dict.fromkeys(contestants, 0.0)
                p99 = dict.fromkeys(contestants, float("inf"))
                for _ in range(turns):
                    for name, address in contestants.items():
                        total, *each = asyncio.run(calls(address, hashes, number))
                        rate[name] = max(rate[name], number / total)
                        p99[name] = min(p99[name], each[number * 99 // 100])
            for name in contestants:
                print(
                    f"| {kind}, {name} | {rate[name]:,.0f}"
                    f" | {rate[name] / rate['the service']:.2f} × | {p99[name] * 1e3:.1f} ms"
                    f" | {p99[name] / p99['the service']:.2f} × |"
                )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="only see that it works")
    quick = parser.parse_args().quick
    count(1_000 if quick else 1_000_000, turns=1 if quick else 7)
    load(100 if quick else 2_000, turns=1 if quick else 7)


if __name__ == "__main__":
    main()

"""The baseline for the service: a Starlette application that only inserts one row.

python benchmarks/bare_service.py URL    print the address, and serve

On PostgreSQL, it awaits psycopg. On SQLite, it inserts in a thread.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import psycopg
import uvicorn
from sqlalchemy import make_url
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

from category_filter.service.server import UVICORN_OPTIONS

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

POOL_SIZE = 10
CREATE = (
    "CREATE TABLE IF NOT EXISTS bare"
    " (id {} PRIMARY KEY, application TEXT, token TEXT, category_filter TEXT)"
)
INSERT = "INSERT INTO bare (application, token, category_filter) VALUES ({0}, {0}, {0})"


class PostgreSQL:
    """A small pool of psycopg connections."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._idle: list[psycopg.AsyncConnection] = []
        self._slots = asyncio.Semaphore(POOL_SIZE)
        with psycopg.connect(url) as connection:
            connection.execute(CREATE.format("SERIAL"))

    async def insert(self, row: tuple[str, str, str]) -> None:
        """Insert a row."""
        async with self._slots:
            if self._idle:
                connection = self._idle.pop()
            else:
                connection = await psycopg.AsyncConnection.connect(self._url, autocommit=True)
            await connection.execute(INSERT.format("%s"), row)
            self._idle.append(connection)


class SQLite:
    """One connection, and the thread that uses it."""

    def __init__(self, file: str) -> None:
        self._connection = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute(CREATE.format("INTEGER"))
        self._thread = ThreadPoolExecutor(1)

    async def insert(self, row: tuple[str, str, str]) -> None:
        """Insert a row."""
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._thread, self._connection.execute, INSERT.format("?"), row)


async def bind(request: Request) -> Response:
    """Insert the row of a request."""
    body = json.loads(await request.body())
    await database.insert((body["application"], body["token"], body["category_filter"]))
    return JSONResponse({"success": True})


address = make_url(sys.argv[1])
database = SQLite(address.database or "") if "sqlite" in sys.argv[1] else PostgreSQL(sys.argv[1])
uvicorn.run(
    Starlette(routes=[Route("/bind", bind, methods=["POST"])]),
    port=0,
    access_log=False,
    server_header=False,
    **UVICORN_OPTIONS,
)

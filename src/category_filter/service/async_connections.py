"""Connections to PostgreSQL in the event loop, where awaiting costs less than threads."""

from __future__ import annotations

import asyncio
import os
from asyncio import AbstractEventLoop, Semaphore
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar, cast
from weakref import WeakKeyDictionary, WeakSet

import psycopg
from psycopg import AsyncConnection, AsyncCursor
from psycopg.pq import TransactionStatus

from category_filter.service.database import connect_options

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from sqlalchemy import ClauseElement, Engine, Executable

    from category_filter.service.database import Execute

__all__ = ["AsyncConnections"]

_TEST_AFTER_S = 0.01
"""Idle seconds after which a connection is tested, because the server may have closed it."""

P = ParamSpec("P")
T = TypeVar("T")


class AsyncConnections:
    """A small pool of connections, for any event loop.

    Args:
        database: The engine of the same database. Its dialect compiles the statements.
        size: Maximum number of connections in use per event loop.
    """

    def __init__(self, database: Engine, size: int) -> None:
        self._dialect = database.dialect
        self._options = connect_options(database)
        self._size = size
        self._slots = WeakKeyDictionary[AbstractEventLoop, Semaphore]()
        # A cursor remembers how to convert the values of its statement, if it is executed again.
        self._idle: list[tuple[AsyncCursor, float]] = []
        self._sql: dict[Executable, bytes] = {}
        _open.add(self)

    async def run(
        self,
        call: Callable[Concatenate[Execute, P], Awaitable[T]],
        *arguments: P.args,
        **options: P.kwargs,
    ) -> T:
        """Run one of the API's calls, and return its result."""
        return await call(self._execute, *arguments, **options)

    def stop(self) -> None:
        """Close the idle connections."""
        while self._idle:
            connection = self._idle.pop()[0].connection
            connection.pgconn.finish()  # like `close`, which is a coroutine

    def forget(self) -> None:
        """Drop the idle connections unclosed: after a fork, the parent still uses them."""
        self._idle.clear()

    async def _execute(
        self, statement: Executable, values: Mapping[str, object]
    ) -> Sequence[tuple[Any, ...]]:
        sql = self._sql.get(statement)
        if sql is None:
            sql = self._sql[statement] = self._compile(statement, [*values])
        loop = asyncio.get_running_loop()
        slots = self._slots.get(loop)
        if slots is None:
            slots = self._slots[loop] = Semaphore(self._size)
        async with slots:
            cursor = await self._get(loop.time()) or await self._open()
            try:
                return await _fetch(cursor, sql, values)
            finally:
                if not cursor.connection.closed:
                    self._idle.append((cursor, loop.time()))

    def _compile(self, statement: Executable, names: Sequence[str]) -> bytes:
        clause = cast("ClauseElement", statement)
        return str(clause.compile(dialect=self._dialect, column_keys=names)).encode()

    async def _get(self, now: float) -> AsyncCursor | None:
        """Return the most recently used idle cursor whose connection is open, or None."""
        while self._idle:
            cursor, since = self._idle.pop()
            if now - since < _TEST_AFTER_S:
                return cursor
            with suppress(psycopg.OperationalError):
                await _fetch(cursor, b"SELECT 1")
                return cursor
        return None

    async def _open(self) -> AsyncCursor:
        connection = await AsyncConnection.connect(autocommit=True, **self._options)
        cursor = connection.cursor()
        ((process_id,),) = await _fetch(cursor, b"SELECT pg_backend_pid()")
        if process_id != connection.info.backend_pid:
            connection.prepare_threshold = None  # a pooler: see `is_pooled`
        return cursor


async def _fetch(
    cursor: AsyncCursor, sql: bytes, values: Mapping[str, object] | None = None
) -> Sequence[tuple[Any, ...]]:
    """Execute a statement, and return its rows. Close the connection if this is interrupted."""
    try:
        await cursor.execute(sql, values)
        return await cursor.fetchall()
    except BaseException as error:
        is_idle = cursor.connection.pgconn.transaction_status == TransactionStatus.IDLE
        if not (is_idle and isinstance(error, psycopg.Error)):
            await cursor.connection.close()
        raise


_open = WeakSet[AsyncConnections]()


def _forget_connections() -> None:
    for each in _open:
        each.forget()


if hasattr(os, "register_at_fork"):  # pragma: no branch - Windows does not fork
    os.register_at_fork(after_in_child=_forget_connections)

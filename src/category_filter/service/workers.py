"""The threads that access the database for the event loop."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from category_filter.service.database import complete, executor

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from sqlalchemy import Engine

    from category_filter.service.database import Execute

__all__ = ["Workers"]

P = ParamSpec("P")
T = TypeVar("T")


class Workers:
    """Threads that start on first use, in the process that uses them.

    >>> from category_filter.service import connect
    >>> from category_filter.service.calls import ping
    >>> workers = Workers(connect("sqlite://"), 1)
    >>> asyncio.run(workers.run(ping))
    >>> workers.stop()
    >>> asyncio.run(workers.run(ping))  # stopped threads start again
    >>> workers.stop()

    Args:
        database: The database.
        size: The number of threads.
    """

    def __init__(self, database: Engine, size: int) -> None:
        self._execute = executor(database)
        self._size = size
        self._executor: ThreadPoolExecutor | None = None

    async def run(
        self,
        call: Callable[Concatenate[Execute, P], Coroutine[Any, Any, T]],
        *arguments: P.args,
        **options: P.kwargs,
    ) -> T:
        """Run one of the API's calls in a thread, and return its result."""
        if self._executor is None:
            self._executor = ThreadPoolExecutor(self._size)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(
            self._executor, lambda: complete(call(self._execute, *arguments, **options))
        )

    def stop(self) -> None:
        """Stop the threads. Calls that have not started are cancelled."""
        if self._executor is not None:
            self._executor.shutdown(wait=False, cancel_futures=True)
            self._executor = None
